//! The paths of `get_json_object`: `$`, `.key`, `[n]` and `[*]`, with Hive's own rules for arrays on the way.

use super::json::Json;

/// One dotted part of a path: a key, and indices behind it. A first part may have no key.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    key: Option<String>,
    indices: Vec<Index>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Index {
    At(usize),
    Every,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JsonPath {
    parts: Vec<Part>,
}

/// What was found on the way: a value of the document, or a list that was gathered from it.
enum Found<'a> {
    One(&'a Json),
    List(Vec<&'a Json>),
}

impl JsonPath {
    /// `None` for what is no such path; nothing lies there.
    pub(super) fn parse(text: &str) -> Option<JsonPath> {
        let rest = text.strip_prefix('$')?;
        if rest.is_empty() {
            return Some(JsonPath { parts: Vec::new() });
        }
        let is_root_array = rest.starts_with('[') || rest.starts_with(".[");
        if !is_root_array && !rest.starts_with('.') {
            return None;
        }
        let parts = rest.strip_prefix('.').unwrap_or(rest).split('.').enumerate();
        let parts = parts.map(|(place, part)| Part::parse(part, place == 0 && is_root_array));
        Some(JsonPath { parts: parts.collect::<Option<_>>()? })
    }

    /// What lies there, as text: strings bare, all else as JSON.
    pub(super) fn find(&self, document: &Json) -> Option<String> {
        let mut found = Found::One(document);
        for part in &self.parts {
            if let Some(key) = &part.key {
                found = with_key(found, key)?;
            }
            if !part.indices.is_empty() {
                found = with_indices(found, &part.indices)?;
            }
        }
        match found {
            Found::One(Json::Null) => None,
            Found::One(Json::String(text)) => Some(text.clone()),
            Found::One(value) => Some(value.to_string()),
            Found::List(values) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                Some(format!("[{}]", values.join(",")))
            }
        }
    }
}

impl Part {
    /// The key ends where the letters do that Hive knows in one.
    fn parse(text: &str, is_root: bool) -> Option<Part> {
        let is_in_key = |letter: char| {
            letter.is_ascii_alphanumeric() || "_-:".contains(letter) || letter.is_ascii_whitespace()
        };
        let end = text.find(|letter| !is_in_key(letter)).unwrap_or(text.len());
        let key = (!is_root).then(|| text[..end].to_owned());
        if key.as_ref().is_some_and(String::is_empty) {
            return None;
        }
        let mut indices = Vec::new();
        let mut rest = &text[end..];
        while let Some(open) = rest.find('[') {
            rest = &rest[open + 1..];
            let Some(close) = rest.find(']') else { break };
            match &rest[..close] {
                "*" => indices.push(Index::Every),
                number => indices.extend(number.parse().map(Index::At)),
            }
        }
        Some(Part { key, indices })
    }
}

/// Of a list the values of its objects, where those that are lists themselves are spread out.
fn with_key<'a>(found: Found<'a>, key: &str) -> Option<Found<'a>> {
    let elements = match found {
        Found::One(Json::Array(elements)) => elements.iter().collect(),
        Found::One(value) => return value.get(key).map(Found::One),
        Found::List(elements) => elements,
    };
    let mut values = Vec::new();
    for value in elements.into_iter().filter_map(|element| element.get(key)) {
        match value {
            Json::Array(inner) => values.extend(inner),
            Json::Null => {}
            other => values.push(other),
        }
    }
    (!values.is_empty()).then_some(Found::List(values))
}

/// A single value that is left stands for itself.
fn with_indices<'a>(found: Found<'a>, indices: &[Index]) -> Option<Found<'a>> {
    let (first, rest) = indices.split_first()?;
    let elements: Vec<&Json> = match found {
        Found::One(Json::Array(elements)) => elements.iter().collect(),
        Found::One(_) => return None,
        Found::List(elements) => elements,
    };
    let mut values = match first {
        Index::Every => elements,
        Index::At(index) => elements.get(*index).copied().into_iter().collect(),
    };
    for index in rest {
        let arrays = values.into_iter().filter_map(Json::as_array);
        values = match index {
            Index::Every => arrays.flatten().collect(),
            Index::At(index) => arrays.filter_map(|array| array.get(*index)).collect(),
        };
    }
    match values.as_slice() {
        [] => None,
        [one] => Some(Found::One(one)),
        _ => Some(Found::List(values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: &str = r#"{"store":{"fruit":[{"weight":8,"type":"apple"},{"weight":9,"type":"pear"}],
        "basket":[[1,2,{"b":"y","a":"x"}],[3,4],[5,6]],
        "book":[{"author":"Nigel Rees","category":"reference"},
                {"author":"J. R. R. Tolkien","reader":[{"age":25,"name":"bob"},{"age":26,"name":"jack"}]}],
        "bicycle":{"price":19.95,"color":"red"}},
        "email":"amy@only_for_json_udf_test.net","owner":"amy","zip code":"94025","fb:testid":"1234"}"#;

    fn find(document: &str, path: &str) -> Option<String> {
        JsonPath::parse(path)?.find(&serde_json::from_str::<Json>(document).unwrap())
    }

    #[test]
    fn paths_lead_where_hive_says() {
        for (path, expected) in [
            ("$.owner", Some("amy")),
            ("$.store.bicycle", Some(r#"{"price":19.95,"color":"red"}"#)),
            ("$.store.fruit[0]", Some(r#"{"weight":8,"type":"apple"}"#)),
            ("$.store.fruit[*].type", Some(r#"["apple","pear"]"#)),
            ("$.store.book[*].reader", Some(r#"[{"age":25,"name":"bob"},{"age":26,"name":"jack"}]"#)),
            ("$.store.book[*].reader[*].age", Some("[25,26]")),
            ("$.store.book[*].reader[0].age", Some("25")),
            ("$.store.basket[0][1]", Some("2")),
            ("$.store.basket[*]", Some(r#"[[1,2,{"b":"y","a":"x"}],[3,4],[5,6]]"#)),
            ("$.store.basket[*][0]", Some("[1,3,5]")),
            ("$.store.basket[0][*]", Some(r#"[1,2,{"b":"y","a":"x"}]"#)),
            ("$.store.basket[*][*]", Some(r#"[1,2,{"b":"y","a":"x"},3,4,5,6]"#)),
            ("$.store.basket[0][2].b", Some("y")),
            ("$.store.basket[0][*].b", Some(r#"["y"]"#)),
            ("$.zip code", Some("94025")),
            ("$.fb:testid", Some("1234")),
            ("$.non_exist_key", None),
            ("$..no_recursive", None),
            ("$.store.book[10]", None),
            ("$.store.basket[0][*].non_exist_key", None),
            ("$0", None),
            ("[2]", None),
        ] {
            assert_eq!(find(STORE, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_document_may_be_an_array() {
        for (path, expected) in [
            ("$[0]", Some("1")),
            ("$.[1]", Some("2")),
            ("$[*]", Some("[1,2,3]")),
            ("$", Some("[1,2,3]")),
            ("$[3]", None),
        ] {
            assert_eq!(find("[1,2,3]", path).as_deref(), expected, "{path}");
        }
    }
}
