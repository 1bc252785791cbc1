//! What DESCRIBE FUNCTION says of the operators and of what the grammar knows by name. The planner knows how they work.

/// An operator, or a word such as BETWEEN, with its text.
#[derive(Debug, Clone, Copy)]
pub struct OperatorText {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    /// `_FUNC_` stands for the name.
    pub usage: &'static str,
    pub extended: &'static str,
}

const fn operator(
    name: &'static str,
    aliases: &'static [&'static str],
    usage: &'static str,
    extended: &'static str,
) -> OperatorText {
    OperatorText { name, aliases, usage, extended }
}

pub const OPERATORS: &[OperatorText] = &[
    operator("!", &["not"], "_FUNC_ a - Logical not", "Example:\n  > SELECT _FUNC_ true;\n  false"),
    operator("!=", &["<>"], "a _FUNC_ b - Returns TRUE if a is not equal to b", ""),
    operator("%", &[], "a _FUNC_ b - Returns the remainder when dividing a by b", ""),
    operator("&", &[], "a _FUNC_ b - Bitwise and", "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  1"),
    operator("*", &[], "a _FUNC_ b - Multiplies a by b", ""),
    operator("+", &[], "a _FUNC_ b - Returns a+b", ""),
    operator("-", &[], "a _FUNC_ b - Returns the difference a-b", ""),
    operator(
        "/",
        &[],
        "a _FUNC_ b - Divide a by b",
        "Example:\n  > SELECT 3 _FUNC_ 2 FROM src LIMIT 1;\n  1.5",
    ),
    operator("<", &[], "a _FUNC_ b - Returns TRUE if a is less than b", ""),
    operator("<=", &[], "a _FUNC_ b - Returns TRUE if a is not greater than b", ""),
    operator(
        "<=>",
        &["is_not_distinct_from"],
        "a _FUNC_ b - Returns same result with EQUAL(=) operator for non-null operands, but returns TRUE if both are \
         NULL, FALSE if one of the them is NULL",
        "",
    ),
    operator("=", &["=="], "a _FUNC_ b - Returns TRUE if a equals b and false otherwise", ""),
    operator(">", &[], "a _FUNC_ b - Returns TRUE if a is greater than b", ""),
    operator(">=", &[], "a _FUNC_ b - Returns TRUE if a is not smaller than b", ""),
    operator(
        "^",
        &[],
        "a _FUNC_ b - Bitwise exclusive or",
        "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  2",
    ),
    operator("and", &[], "a1 _FUNC_ a2 _FUNC_ ... _FUNC_ an - Logical and", ""),
    operator(
        "between",
        &[],
        "between a [NOT] BETWEEN b AND c - evaluate if a is [not] in between b and c",
        "",
    ),
    operator(
        "case",
        &[],
        "CASE a WHEN b THEN c [WHEN d THEN e]* [ELSE f] END - When a = b, returns c; when a = d, return e; else return f",
        "Example:\n  SELECT\n  CASE deptno\n    WHEN 1 THEN Engineering\n    WHEN 2 THEN Finance\n    ELSE admin\n  \
         END,\n  CASE zone\n    WHEN 7 THEN Americas\n    ELSE Asia-Pac\n  END\n  FROM emp_details",
    ),
    operator(
        "div",
        &[],
        "a _FUNC_ b - Divide a by b rounded to the long integer",
        "Example:\n  > SELECT 3 _FUNC_ 2 FROM src LIMIT 1;\n  1",
    ),
    operator(
        "grouping",
        &[],
        "_FUNC_(a[, b...]) - Returns 1 for each column that is aggregated in this row of GROUPING SETS, CUBE or ROLLUP \
         and 0 for each that is not, as the bits of a number",
        "",
    ),
    operator("in", &[], "test _FUNC_(val1, val2...) - returns true if test equals any valN ", ""),
    operator("isfalse", &[], "_FUNC_ a - Returns true if a is FALSE and false otherwise", ""),
    operator("isnotfalse", &[], "_FUNC_ a - Returns true if a is NOT FALSE and false otherwise", ""),
    operator("isnotnull", &[], "_FUNC_ a - Returns true if a is not NULL and false otherwise", ""),
    operator("isnottrue", &[], "_FUNC_ a - Returns true if a is NOT TRUE and false otherwise", ""),
    operator("isnull", &[], "_FUNC_ a - Returns true if a is NULL and false otherwise", ""),
    operator("istrue", &[], "_FUNC_ a - Returns true if a is TRUE and false otherwise", ""),
    operator(
        "like",
        &[],
        "_FUNC_(str, pattern) - Checks if str matches pattern",
        "Example:\n  > SELECT a.* FROM srcpart a WHERE a.hr _FUNC_ '%2' LIMIT 1;\n  27      val_27  2008-04-08      12",
    ),
    operator(
        "likeall",
        &[],
        "test _FUNC_(pattern1, pattern2...) - returns true if test matches all patterns patternN. Returns NULL if the \
         expression on the left hand side is NULL or if one of the patterns in the list is NULL.",
        "",
    ),
    operator(
        "likeany",
        &[],
        "test _FUNC_(pattern1, pattern2...) - returns true if test matches any patterns patternN. Returns NULL if the \
         expression on the left hand side is NULL or if one of the patterns in the list is NULL.",
        "",
    ),
    operator("or", &[], "a1 _FUNC_ a2 _FUNC_ ... _FUNC_ an - Logical or", ""),
    operator(
        "rlike",
        &["regexp"],
        "str _FUNC_ regexp - Returns true if str matches regexp and false otherwise",
        "Example:\n  > SELECT 'fb' _FUNC_ '.*' FROM src LIMIT 1;\n  true",
    ),
    operator(
        "when",
        &[],
        "CASE WHEN a THEN b [WHEN c THEN d]* [ELSE e] END - When a = true, returns b; when c = true, return d; else \
         return e",
        "Example:\n  SELECT\n  CASE\n    WHEN deptno=1 THEN Engineering\n    WHEN deptno=2 THEN Finance\n    ELSE admin\n  \
         END,\n  CASE\n    WHEN zone=7 THEN Americas\n    ELSE Asia-Pac\n  END\n  FROM emp_details",
    ),
    operator("|", &[], "a _FUNC_ b - Bitwise or", "Example:\n  > SELECT 3 _FUNC_ 5 FROM src LIMIT 1;\n  7"),
    operator("~", &[], "_FUNC_ n - Bitwise not", "Example:\n  > SELECT _FUNC_ 0 FROM src LIMIT 1;\n  -1"),
];
