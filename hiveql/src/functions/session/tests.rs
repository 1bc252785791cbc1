//! The functions of this folder in a session of their own.

use super::FUNCTIONS;
use crate::functions::evaluate::{int, text};

#[test]
fn a_session_knows_its_user_and_its_database() {
    for (name, args, expected) in [
        ("current_user", vec![], "hive"),
        ("current_database", vec![], "default"),
        ("current_groups", vec![], "[hive]"),
        ("typeof", vec![int(1)], "int"),
        ("restrict_information_schema", vec![], "false"),
    ] {
        assert_eq!(text(FUNCTIONS, name, &args), expected, "{name}");
    }
}
