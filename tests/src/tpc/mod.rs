//! The tables of TPC-H and TPC-DS at any scale, written as files that tables of Hive can lie over.

mod files;
mod tpcds;
mod tpch;

pub use files::FileKind;

use std::path::{Path, PathBuf};

/// One of the two, with its queries in a folder of this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suite {
    TpcH,
    TpcDs,
}

impl Suite {
    /// Tables, queries and their answers.
    pub fn folder(self) -> PathBuf {
        let name = match self {
            Suite::TpcH => "tpch",
            Suite::TpcDs => "tpcds",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
    }

    /// The numbers of its queries.
    pub fn queries(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Suite::TpcH => 1..=22,
            Suite::TpcDs => 1..=99,
        }
    }

    /// A query in HiveQL.
    pub fn query(self, number: usize) -> String {
        read(&self.folder().join(format!("q{number:02}.sql")))
    }

    /// Its rows, the values between tabs.
    pub fn answer(self, number: usize) -> Vec<String> {
        let text = read(&self.folder().join(format!("q{number:02}.tsv")));
        text.lines().map(str::to_owned).collect()
    }

    /// A script that creates the tables over what [`Suite::generate`] has made in `data`.
    pub fn tables(self, data: &Path, kind: FileKind) -> String {
        let place = format!("file://{}", data.display());
        read(&self.folder().join("tables.sql")).replace("@DATA@", &place).replace("@STORED@", kind.clause())
    }

    pub fn table_names(self) -> &'static [&'static str] {
        match self {
            Suite::TpcH => &tpch::TABLES,
            Suite::TpcDs => &tpcds::TABLES,
        }
    }

    /// Makes all tables, each in a folder of its own that has one file.
    ///
    /// # Panics
    /// If a file cannot be written, or TPC-DS is wanted as text.
    pub fn generate(self, data: &Path, scale: f64, kind: FileKind) {
        for table in self.table_names() {
            let folder = data.join(table);
            std::fs::create_dir_all(&folder).expect("a folder for the table");
            let file = folder.join(kind.file_name());
            match (self, kind) {
                (Suite::TpcH, FileKind::Text) => files::write_lines(&file, tpch::lines(table, scale)),
                (Suite::TpcDs, FileKind::Text) => panic!("TPC-DS is not made as text"),
                (Suite::TpcH, kind) => files::write(&file, tpch::rows(table, scale), kind),
                (Suite::TpcDs, kind) => files::write(&file, tpcds::rows(table, scale), kind),
            }
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
