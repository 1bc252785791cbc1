//! The act of the query: the text that the job has read is a table too.

use super::{
    DemoError, INPUT, TOP_WORDS, amounts,
    count::{self, CountError, Counts},
    stage::{Stage, say, tell},
};

/// What separates words is what separates them for the job: ASCII white space.
const QUERY: &str = r#"SELECT word, count(*) AS n FROM lines LATERAL VIEW explode(split(line, "[ \\t\\f\\r]+")) words AS word WHERE word <> "" GROUP BY word ORDER BY n DESC, word"#;

pub async fn act(stage: &Stage, expected: &Counts) -> Result<(), DemoError> {
    tell(
        "The same text as a table of HiveQL. Nothing is copied: the table is the folder. A query counts its words.",
    )?;
    let create = format!(r#"CREATE EXTERNAL TABLE lines (line STRING) LOCATION "{INPUT}""#);
    stage.run(&["sql", "--silent", "-e", &create]).await?;
    ask(stage, expected).await
}

/// On whatever the cluster has become.
pub async fn again(stage: &Stage, expected: &Counts) -> Result<(), DemoError> {
    tell("The query once more: its tasks run on the workers that are there now.")?;
    ask(stage, expected).await
}

async fn ask(stage: &Stage, expected: &Counts) -> Result<(), DemoError> {
    let query = format!("{QUERY} LIMIT {TOP_WORDS}");
    let output = stage.take(&["sql", "--silent", "-e", &query], "").await?;
    let found = rows(&output)?;
    for (word, count) in &found {
        say(&format!("{:>12}  {word}", amounts::count(*count)))?;
    }
    for ((word, found), (expected_word, expected)) in found.iter().zip(count::top(expected, TOP_WORDS)) {
        if *word != expected_word || *found != expected {
            let (word, found) = ((*word).to_owned(), *found);
            return Err(CountError::Wrong { word, found, expected }.into());
        }
    }
    say("right: the query's words and counts are those of the job")
}

/// Words and their counts, in the order in which they were printed.
fn rows(output: &str) -> Result<Vec<(&str, u64)>, DemoError> {
    let mut rows = Vec::with_capacity(TOP_WORDS);
    for (index, line) in output.lines().enumerate() {
        let row = line.split_once('\t').and_then(|(word, count)| Some((word, count.parse().ok()?)));
        let bad = || CountError::BadLine { number: index + 1, line: line.to_owned() };
        rows.push(row.ok_or_else(bad)?);
    }
    Ok(rows)
}
