//! Sizes and tables in Hadoop's form (`StringUtils.TraditionalBinaryPrefix`, `TableBuilder`).

use std::io::{self, Write};

const PREFIXES: [&str; 6] = ["K", "M", "G", "T", "P", "E"];

/// `512`, `1 K`, `1.5 K`, `117.7 M`: one decimal unless it divides exactly.
pub fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return bytes.to_string();
    }
    let mut prefix = (bytes.ilog2() / 10) as usize - 1;
    let unit = |prefix: usize| 1u128 << (10 * (prefix + 1));
    if u128::from(bytes).is_multiple_of(unit(prefix)) {
        return format!("{} {}", u128::from(bytes) / unit(prefix), PREFIXES[prefix]);
    }
    // Rounded half up, as Java's formatter does.
    let tenths = |prefix: usize| (u128::from(bytes) * 20 + unit(prefix)) / (unit(prefix) * 2);
    if tenths(prefix) >= 10_240 && prefix + 1 < PREFIXES.len() {
        prefix += 1;
    }
    format!("{}.{} {}", tenths(prefix) / 10, tenths(prefix) % 10, PREFIXES[prefix])
}

/// Plain bytes unless `-h`.
pub fn size(bytes: u64, is_human: bool) -> String {
    if is_human { human(bytes) } else { bytes.to_string() }
}

/// Rows of equal length: columns two spaces apart, `right` ones pushed to the right, no spaces at the end.
pub fn write_columns(out: &mut impl Write, rows: &[Vec<String>], right: &[usize]) -> io::Result<()> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths[column];
            if right.contains(&column) {
                format!("{cell:>width$}")
            } else if column + 1 < columns {
                format!("{cell:<width$}")
            } else {
                cell.clone()
            }
        });
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_hadoops_form() {
        let cases = [
            (0, "0"),
            (1023, "1023"),
            (1024, "1 K"),
            (1536, "1.5 K"),
            (123_456_789, "117.7 M"),
            ((1 << 20) - 1, "1.0 M"),
            (5 << 30, "5 G"),
            (u64::MAX, "16.0 E"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(human(bytes), expected, "{bytes}");
        }
    }

    #[test]
    fn columns_are_two_spaces_apart() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let mut out = Vec::new();
        write_columns(&mut out, &[row(["1", "22", "/a"]), row(["333", "4", "/bb"])], &[1]).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "1    22  /a\n333   4  /bb\n");
    }
}
