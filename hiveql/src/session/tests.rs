//! Statements in a session of their own, and the rows that they print.

use super::*;
use crate::render::Renderer;
use futures::TryStreamExt;
use std::fs;
use tempfile::TempDir;

struct Scene {
    folder: TempDir,
    session: Session,
}

impl Scene {
    async fn open() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let options = SessionOptions {
            warehouse: folder.path().join("warehouse"),
            database: None,
            conf: vec![("hive.local.time.zone".into(), "UTC".into())],
            variables: vec![],
            user: "hive".into(),
            partitions: 2,
            memory_bytes: 64 << 20,
        };
        Scene { session: Session::local(options).await.unwrap(), folder }
    }

    async fn rows(&mut self, sql: &str) -> Result<Vec<String>, String> {
        let Answer::Rows(rows) = self.session.run(sql).await.map_err(|error| error.to_string())? else {
            return Ok(vec![]);
        };
        let batches: Vec<_> = rows.stream.try_collect().await.map_err(|error| error.to_string())?;
        let mut lines = Vec::new();
        for batch in batches {
            let columns = batch.columns().iter().zip(&rows.columns);
            let renderers: Vec<_> =
                columns.map(|(array, (_, ty))| Renderer::new(array, ty, &rows.facts).unwrap()).collect();
            for row in 0..batch.num_rows() {
                let cell = |renderer: &Renderer| {
                    let mut text = Vec::new();
                    if renderer.write(row, &mut text) {
                        String::from_utf8(text).unwrap()
                    } else {
                        "NULL".into()
                    }
                };
                lines.push(renderers.iter().map(cell).collect::<Vec<_>>().join(" "));
            }
        }
        Ok(lines)
    }

    async fn one(&mut self, sql: &str) -> String {
        self.rows(sql).await.unwrap().join("\n")
    }

    fn program(&self, name: &str, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

const NUMBERS: &str = "(SELECT explode(array(1, 2, 2, 4, cast(null as int))) AS n) t";

#[tokio::test]
async fn a_value_has_its_place_among_the_rows_of_a_group() {
    let mut scene = Scene::open().await;
    for (call, expected) in [
        ("rank(2) WITHIN GROUP (ORDER BY n)", "2"),
        ("rank(3) WITHIN GROUP (ORDER BY n)", "4"),
        ("rank(3) WITHIN GROUP (ORDER BY n DESC)", "3"),
        ("rank(3) WITHIN GROUP (ORDER BY n DESC NULLS LAST)", "2"),
        ("dense_rank(3) WITHIN GROUP (ORDER BY n)", "3"),
        ("percent_rank(2) WITHIN GROUP (ORDER BY n)", "0.2"),
        ("cume_dist(2) WITHIN GROUP (ORDER BY n)", "0.6666666666666666"),
        ("rank(2, 5) WITHIN GROUP (ORDER BY n, n)", "4"),
        ("percentile_cont(0.5) WITHIN GROUP (ORDER BY n)", "2.0"),
        ("percentile_disc(0.0) WITHIN GROUP (ORDER BY n DESC)", "4.0"),
        ("rank(3) WITHIN GROUP (ORDER BY n) + 0 * count(*)", "4"),
    ] {
        assert_eq!(scene.one(&format!("SELECT {call} FROM {NUMBERS}")).await, expected, "{call}");
    }
    assert!(scene.rows(&format!("SELECT sum(1) WITHIN GROUP (ORDER BY n) FROM {NUMBERS}")).await.is_err());
}

#[tokio::test]
async fn constants_are_of_their_columns_type() {
    let mut scene = Scene::open().await;
    let table = "(SELECT cast('ab' as char(5)) c, 9223372036854775807 big, cast(0.1 as float) f, 1 i) t";
    for (condition, expected) in [
        ("c = 'ab   '", "true"),
        ("c = 'abc'", "false"),
        ("big = '9223372036854775806'", "false"),
        ("big IN ('9223372036854775807')", "true"),
        ("f = 0.1D", "true"),
        ("i IN (1.5, 'x', 1)", "true"),
        ("false = false IN (true, false)", "false"),
        ("int('12.7') + string(1)", "13.0"),
        ("cast(date '2020-01-01' as int)", "NULL"),
        ("'a' LIKE ANY ('a', null)", "NULL"),
        ("(1) day", "1 00:00:00.000000000"),
        ("1E99BD", "NULL"),
    ] {
        assert_eq!(scene.one(&format!("SELECT {condition} FROM {table}")).await, expected, "{condition}");
    }
}

#[tokio::test]
async fn a_program_is_a_function_from_create_to_drop() {
    let mut scene = Scene::open().await;
    let path = scene.program("upper.sh", "#!/bin/sh\nwhile IFS= read -r line; do echo \"<$line>\"; done\n");
    scene.one(&format!("CREATE FUNCTION marked AS 'upper.sh' USING FILE '{path}'")).await;
    let count = scene.program("count.sh", "#!/bin/sh\nwhile IFS= read -r line; do echo \"${#line}\"; done\n");
    scene
        .one(&format!("CREATE TEMPORARY FUNCTION upper AS 'count.sh RETURNS int' USING FILE '{count}'"))
        .await;
    let words = "(SELECT explode(array('a', 'bcd')) w) t";
    assert_eq!(scene.rows(&format!("SELECT marked(w) FROM {words}")).await.unwrap(), ["<a>", "<bcd>"]);
    assert_eq!(scene.rows(&format!("SELECT default.marked(w) FROM {words}")).await.unwrap().len(), 2);
    assert_eq!(
        scene.one(&format!("SELECT sum(upper(w)) FROM {words}")).await,
        "4",
        "the session's own comes first"
    );
    scene.one("DROP TEMPORARY FUNCTION upper").await;
    assert_eq!(scene.one("SELECT upper('a')").await, "A");
    scene.one("DROP FUNCTION marked").await;
    assert!(scene.rows(&format!("SELECT marked(w) FROM {words}")).await.is_err());
    scene.one("CREATE FUNCTION old AS 'org.example.Old' USING JAR '/tmp/old.jar'").await;
    let error = scene.rows("SELECT old(1)").await.unwrap_err();
    assert!(error.contains("classes of Java do not run here"), "{error}");
}

#[tokio::test]
async fn a_setting_says_how_values_are_masked() {
    let mut scene = Scene::open().await;
    assert_eq!(scene.one("SELECT mask_hash('x')").await.len(), 64);
    scene.session.run("SET hive.masking.algo=sha512").await.unwrap();
    assert_eq!(scene.one("SELECT mask_hash('x')").await.len(), 128);
}
