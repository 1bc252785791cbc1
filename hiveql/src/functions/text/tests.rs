//! The values of Hive's own tests and documentation.

use super::FUNCTIONS;
use crate::{
    functions::{
        Arg,
        evaluate::{arg, facts, int, string, text, value, void},
    },
    types::HiveType,
};
use datafusion::common::ScalarValue;

fn call(name: &str, args: &[Arg]) -> String {
    text(FUNCTIONS, name, args)
}

fn strings(name: &str, args: &[&str]) -> String {
    call(name, &args.iter().map(|text| string(text)).collect::<Vec<_>>())
}

fn binary(bytes: &[u8]) -> Arg {
    arg(ScalarValue::Binary(Some(bytes.to_vec())))
}

fn double(number: f64) -> Arg {
    arg(ScalarValue::Float64(Some(number)))
}

fn decimal(unscaled: i128, precision: u8, scale: i8) -> Arg {
    arg(ScalarValue::Decimal128(Some(unscaled), precision, scale))
}

fn typed(text: &str, ty: HiveType) -> Arg {
    Arg { ty, ..string(text) }
}

fn list(items: &[&str]) -> Arg {
    let items: Vec<_> = items.iter().map(|&item| ScalarValue::from(item)).collect();
    let list = ScalarValue::new_list_nullable(&items, &datafusion::arrow::datatypes::DataType::Utf8);
    arg(ScalarValue::List(list))
}

#[test]
fn strings_are_put_together() {
    assert_eq!(strings("concat", &["a", "b", "c"]), "abc");
    assert_eq!(call("concat", &[string("a"), void(), string("c")]), "NULL");
    assert_eq!(call("concat", &[int(1), int(2), string("a")]), "12a");
    assert_eq!(call("concat", &[binary(b"ab"), binary(b"cd")]), "61626364");
    assert_eq!(strings("concat_ws", &["**", "abc", "8675309"]), "abc**8675309");
    assert_eq!(call("concat_ws", &[string("**"), string("abc"), void(), string("8")]), "abc**8");
    let parts = [string("F"), string("www"), list(&["face", "book"]), string("1234")];
    assert_eq!(call("concat_ws", &parts), "wwwFfaceFbookF1234");
    assert_eq!(call("concat_ws", &[void(), string("a")]), "NULL");
}

#[test]
fn types_of_a_length_are_kept_where_hive_keeps_them() {
    let varchar = typed("ab", HiveType::Varchar(10));
    let char_of_5 = typed("cd", HiveType::Char(5));
    assert_eq!(value(FUNCTIONS, "upper", std::slice::from_ref(&varchar)).ty, HiveType::Varchar(10));
    assert_eq!(value(FUNCTIONS, "concat", &[varchar.clone(), char_of_5.clone()]).ty, HiveType::Varchar(15));
    assert_eq!(value(FUNCTIONS, "concat", &[char_of_5.clone(), char_of_5]).ty, HiveType::Char(10));
    assert_eq!(value(FUNCTIONS, "concat", &[varchar.clone(), string("")]).ty, HiveType::String);
    assert_eq!(value(FUNCTIONS, "substr", &[varchar, int(1)]).ty, HiveType::String);
}

#[test]
fn lengths_are_counted_in_characters_or_bytes() {
    assert_eq!(strings("length", &["안녕하세요"]), "5");
    assert_eq!(strings("char_length", &["안녕하세요"]), "5");
    assert_eq!(strings("octet_length", &["안녕하세요"]), "15");
    assert_eq!(call("length", &[binary(&[0, 200, 3])]), "3");
    assert_eq!(strings("ascii", &["222"]), "50");
    assert_eq!(strings("ascii", &[""]), "0");
    assert_eq!(strings("ascii", &["é"]), "-61");
}

#[test]
fn parts_are_taken_by_their_place() {
    for (position, part) in [(5, "book"), (-5, "ebook"), (0, "Facebook"), (9, ""), (-9, "")] {
        assert_eq!(call("substr", &[string("Facebook"), int(position)]), part);
    }
    assert_eq!(call("mid", &[string("Facebook"), int(5), int(1)]), "b");
    assert_eq!(call("substring", &[string("玩玩abb"), int(2), int(2)]), "玩a");
    assert_eq!(call("substr", &[string("abc"), int(1), int(-1)]), "");
    assert_eq!(call("substr", &[binary(b"abcd"), int(2), int(2)]), "6263");
    for (count, part) in [(2, "www.apache"), (-2, "apache.org"), (3, "www.apache.org"), (0, "")] {
        assert_eq!(call("substring_index", &[string("www.apache.org"), string("."), int(count)]), part);
    }
}

#[test]
fn a_text_is_found_in_another() {
    let places = |args: &[i32]| {
        let numbers = args.iter().map(|&number| int(number));
        let args: Vec<_> = [string("abcdabcd"), string("abc")].into_iter().chain(numbers).collect();
        call("instr", &args)
    };
    let expected: [(&[i32], &str); 13] = [
        (&[], "1"),
        (&[2], "5"),
        (&[5], "5"),
        (&[6], "0"),
        (&[-1], "5"),
        (&[-4], "5"),
        (&[-5], "1"),
        (&[1, 2], "5"),
        (&[1, 3], "0"),
        (&[5, 2], "0"),
        (&[-1, 2], "1"),
        (&[-4, 2], "1"),
        (&[-5, 2], "0"),
    ];
    for (args, place) in expected {
        assert_eq!(places(args), place, "{args:?}");
    }
    assert_eq!(call("instr", &[string("aaa"), string("a"), int(3), int(2)]), "0");
    assert_eq!(call("instr", &[string("abcd"), void()]), "NULL");
    assert_eq!(call("locate", &[string("bar"), string("foobarbar"), int(5)]), "7");
    assert_eq!(call("locate", &[string("bar"), string("foobarbar"), void()]), "0");
    for (member, set, place) in [
        ("ab", "abc,ab,bbb", "2"),
        ("", "", "1"),
        ("", "a,b,", "3"),
        (",", "a,b,d,", "0"),
        ("a,", "a,b", "0"),
    ] {
        assert_eq!(strings("find_in_set", &[member, set]), place);
    }
}

#[test]
fn ends_are_cut_off() {
    assert_eq!(strings("trim", &["   tech   "]), "tech");
    assert_eq!(strings("ltrim", &["   tech   "]), "tech   ");
    assert_eq!(strings("rtrim", &["   tech   "]), "   tech");
    assert_eq!(strings("ltrim", &["xyzzxyfacebook", "zyx"]), "facebook");
    assert_eq!(strings("rtrim", &["facebookxyzzyx", "xzy"]), "facebook");
}

#[test]
fn texts_are_filled_up_and_repeated() {
    for (length, filling, left, right) in [
        (1, "?", "h", "h"),
        (5, ".", "...hi", "hi..."),
        (6, "123", "1231hi", "hi1231"),
        (5, "", "NULL", "NULL"),
    ] {
        let args = [string("hi"), int(length), string(filling)];
        assert_eq!(call("lpad", &args), left);
        assert_eq!(call("rpad", &args), right);
    }
    assert_eq!(call("repeat", &[string("123"), int(2)]), "123123");
    assert_eq!(call("repeat", &[string("asdf"), int(-1)]), "");
    assert_eq!(call("space", &[int(3)]), "   ");
}

#[test]
fn a_text_that_no_column_can_hold_is_refused() {
    let takes = [string("abc"), int(i32::MAX)];
    let all = FUNCTIONS.iter().copied().flatten();
    let repeat = all.into_iter().find(|function| function.name == "repeat").unwrap();
    let scalar = (repeat.resolve)("repeat", &takes, &facts()).unwrap();
    let columns = takes.map(|arg| arg.constant.unwrap().to_array().unwrap());
    let call = datafusion::logical_expr::ScalarFunctionArgs {
        arg_fields: vec![],
        args: columns.into_iter().map(datafusion::logical_expr::ColumnarValue::Array).collect(),
        number_rows: 1,
        return_field: std::sync::Arc::new(datafusion::arrow::datatypes::Field::new(
            "",
            scalar.returns.arrow(),
            true,
        )),
        config_options: std::sync::Arc::default(),
    };
    assert!(scalar.udf.invoke_with_args(call).unwrap_err().to_string().contains("2 GiB"));
}

#[test]
fn letters_change_their_case() {
    assert_eq!(strings("lcase", &["FaceBOOK É"]), "facebook é");
    assert_eq!(strings("ucase", &["Facebook é"]), "FACEBOOK É");
    assert_eq!(strings("initcap", &["tHe sOAp"]), "The Soap");
}

#[test]
fn texts_are_rewritten() {
    assert_eq!(strings("replace", &["Hack and Hue", "H", "BL"]), "BLack and BLue");
    assert_eq!(strings("replace", &["", "", ""]), "");
    assert_eq!(strings("reverse", &["Facebook玩"]), "玩koobecaF");
    for (from, to, translated) in
        [("ab", "12", "12cd"), ("abc", "12", "12d"), ("aba", "123", "12cd"), ("abc", "1234", "123d")]
    {
        assert_eq!(strings("translate", &["abcd", from, to]), translated);
    }
    assert_eq!(strings("quote", &["Don't"]), "'Don\\'t'");
}

#[test]
fn like_is_as_hive_has_it() {
    for (value, pattern, matches) in [
        ("_%_", r"%\_\%\_%", true),
        ("__", r"%\_\%\_%", false),
        ("%%_%_", r"%\_\%\_%", true),
        ("%_%_%", r"%\%\_\%", true),
        ("_%_", r"\%\_%", false),
        ("%__", r"__\%%", false),
        ("_%", r"\_\%\_\%%", false),
        ("_%", r"\_\%_%", false),
        ("%_", r"\%\_", true),
        ("ab", "_a%", false),
        ("ab", "%a_", true),
        ("ab", "a", false),
        ("ab", "", false),
        ("", "", true),
        ("112", "1+_", false),
        ("|||", "|_|", true),
        ("withdraw\ncash", "%withdraw%cash", true),
        ("aba", "ab%ba", false),
        ("axbxc", "a%b_c", true),
    ] {
        assert_eq!(strings("like", &[value, pattern]), matches.to_string(), "{value} like {pattern}");
    }
    assert_eq!(strings("likeany", &["abc", "z%", "%c"]), "true");
    assert_eq!(strings("likeall", &["abc", "a%", "%bc%", "%x"]), "false");
    assert_eq!(call("likeany", &[string("abc"), string("a%"), void()]), "NULL");
    assert_eq!(call("likeall", &[string("abc"), string("x%"), void()]), "NULL");
}

#[test]
fn regular_expressions_are_javas() {
    for (value, pattern, matches) in [
        ("", ".*", true),
        ("hadoop", "o*", true),
        ("", "[ab]", false),
        ("abc", "", false),
        ("abc\n", "c$", true),
        ("abc\n", "c\\z", false),
        ("a\nb", "a.b", false),
        ("a\nb", "(?s)a.b", true),
        ("a\nb", "(?m)^b", true),
        ("٣", "\\d", false),
        ("É", "(?i)é", false),
        ("É", "(?iu)é", true),
        ("K", "(?i)[a-k]", true),
        ("aa", "(a)\\1", true),
        ("aaa", "a*+a", false),
        ("a]b", "a]b", true),
        ("a.b", "\\Qa.b\\E", true),
        ("b", "[a-z&&[^bc]]", false),
        ("d", "[a-z&&[^bc]]", true),
        ("x-y", "x[\\w-]y", true),
        ("~", "\\p{Punct}", true),
        ("ß", "\\p{L}", true),
        ("A", "\\u0041", true),
    ] {
        assert_eq!(strings("rlike", &[value, pattern]), matches.to_string(), "{value:?} rlike {pattern}");
    }
}

#[test]
fn groups_are_extracted() {
    let args = [string("100-200"), string("(\\d+)-(\\d+)")];
    assert_eq!(call("regexp_extract", &args), "100");
    for (group, found) in [(0, "100-200"), (2, "200")] {
        assert_eq!(call("regexp_extract", &[args[0].clone(), args[1].clone(), int(group)]), found);
    }
    assert_eq!(strings("regexp_extract", &["abc", "(x)"]), "");
    assert_eq!(strings("regexp_extract", &["abc", "(x)?abc"]), "NULL");
}

#[test]
fn matches_are_replaced() {
    for (value, pattern, replacement, replaced) in [
        ("abc", "b", "c", "acc"),
        ("abbbb", "bb", "b", "abb"),
        ("hadoop", "(.)[a-z]*", "$1ive", "hive"),
        ("hadoopAAA", "A.*", "", "hadoop"),
        ("abc", "", "A", "AaAbAcA"),
        ("baaac", "a*", "X", "XbXXcX"),
        ("100-200", "(\\d+)", "num", "num-num"),
        ("a1", "(?<digit>\\d)", "<${digit}>", "a<1>"),
        ("ab", "b", "\\$1", "a$1"),
    ] {
        assert_eq!(strings("regexp_replace", &[value, pattern, replacement]), replaced);
    }
}

#[test]
fn texts_are_split() {
    assert_eq!(strings("split", &["oneAtwoBthreeC", "[ABC]"]), "[one, two, three, ]");
    assert_eq!(strings("split", &["abc", ""]), "[a, b, c, ]");
    assert_eq!(strings("split", &["", ","]), "[]");
    assert_eq!(strings("split", &[",a", ","]), "[, a]");
}

#[test]
fn bytes_and_text_are_turned_into_each_other() {
    assert_eq!(call("base64", &[binary(b"ABC")]), "QUJD");
    assert_eq!(strings("unbase64", &["QU JD=="]), "414243");
    assert_eq!(call("decode", &[binary(b"TestDecode1"), string("UTF-8")]), "TestDecode1");
    assert_eq!(strings("encode", &["é", "ISO-8859-1"]), "e9");
    assert_eq!(strings("encode", &["a", "UTF-16"]), "feff0061");
    for (number, letter) in [(-1, ""), (48, "0"), (65, "A"), (321, "A"), (32_457_964, "ì")] {
        assert_eq!(call("chr", &[int(number)]), letter);
    }
    assert_eq!(call("chr", &[double(68.12)]), "D");
}

#[test]
fn digests_are_hexadecimal() {
    assert_eq!(strings("md5", &["ABC"]), "902fbdd2b1df0c4f70b4a5d23525e932");
    assert_eq!(call("sha1", &[binary(b"ABC")]), "3c01bdbb26f358bab27f267924aa2c9a03fcfdb8");
    let sha2 = |bits| call("sha2", &[string("ABC"), int(bits)]);
    assert_eq!(sha2(0), "b5d4045c3f466fa91fe2cc6abe79232a1a57cdf104f7a26e716e0a1e2789df78");
    assert_eq!(sha2(200), "NULL");
}

#[test]
fn ciphers_are_aes() {
    let key = "1234567890123456";
    let encrypted = value(FUNCTIONS, "aes_encrypt", &[string("ABC"), string(key)]);
    assert_eq!(call("base64", std::slice::from_ref(&encrypted)), "y6Ss+zCYObpCbgfWfyNWTw==");
    assert_eq!(call("aes_decrypt", &[encrypted.clone(), string(key)]), "414243");
    assert_eq!(call("aes_decrypt", &[encrypted, string("12345678901234567")]), "NULL");
}

#[test]
fn one_of_several_is_chosen() {
    assert_eq!(call("elt", &[int(2), string("abc"), string("defg")]), "defg");
    assert_eq!(call("elt", &[string("1"), string("abc"), string("defg")]), "abc");
    assert_eq!(call("elt", &[int(0), string("abc")]), "NULL");
    assert_eq!(call("elt", &[int(3), string("abc"), string("defg")]), "NULL");
    assert_eq!(strings("field", &["b", "a", "b"]), "2");
    assert_eq!(call("field", &[void(), string("a")]), "0");
    assert_eq!(call("field", &[int(7), int(5), void(), int(7)]), "3");
}

#[test]
fn likeness_is_measured() {
    for (name, code) in [
        ("Miller", "M460"),
        ("muller", "M460"),
        ("mul", "M400"),
        ("Peterson", "P362"),
        ("Ashcraft", "A261"),
        ("", ""),
    ] {
        assert_eq!(strings("soundex", &[name]), code);
    }
    assert_eq!(strings("levenshtein", &["kitten", "sitting"]), "3");
}

#[test]
fn values_are_masked() {
    let masks = ["X", "x", "0", ":"].map(string);
    let with = |first: &[Arg]| [first, &masks].concat();
    let text = string("TestString-123");
    assert_eq!(call("mask", &with(std::slice::from_ref(&text))), "XxxxXxxxxx:000");
    assert_eq!(
        call("mask", &with(&[typed("TestString-123", HiveType::Char(24))])),
        "XxxxXxxxxx:000::::::::::"
    );
    assert_eq!(call("mask_first_n", &with(&[text.clone(), int(4)])), "XxxxString-123");
    assert_eq!(call("mask_show_first_n", &with(&[text.clone(), int(4)])), "TestXxxxxx:000");
    assert_eq!(call("mask_show_last_n", &with(&[text.clone(), int(4)])), "XxxxXxxxxx-123");
    assert_eq!(call("mask_last_n", &with(&[text, int(4)])), "TestString:000");
    let numbers = [int(-1), int(-1), int(-1), int(-1), string("5")];
    let masked = |value: ScalarValue| call("mask", &[&[arg(value)], &numbers[..]].concat());
    assert_eq!(masked(ScalarValue::Int8(Some(123))), "43");
    assert_eq!(masked(ScalarValue::Int16(Some(12345))), "-9981");
    assert_eq!(masked(ScalarValue::Int32(Some(12345))), "55555");
    assert_eq!(call("mask_first_n", &[int(0), int(0)]), "0");
    assert_eq!(call("mask_show_last_n", &[int(0), int(0)]), "1");
    let day = arg(ScalarValue::Date32(Some(16_911)));
    let keep = vec![int(-1); 5];
    for (parts, date) in [([0, 0, 0], "0000-01-01"), ([-1, 0, 0], "0000-01-20"), ([1, -1, -1], "2016-04-01")]
    {
        let args = [vec![day.clone()], keep.clone(), parts.map(int).to_vec()].concat();
        assert_eq!(call("mask", &args), date);
    }
    assert_eq!(
        strings("mask_hash", &["TestString-123"]),
        "8b44d559dc5d60e4453c9b4edf2a455fbce054bb8504cd3eb9b5f391bd239c90"
    );
    assert_eq!(call("mask_hash", &[int(1)]), "NULL");
}

#[test]
fn numbers_are_written_with_commas_or_by_a_pattern() {
    let pattern = || string("##################.###");
    for (args, written) in [
        ([decimal(12_332_123_456, 11, 6), int(4)], "12,332.1235"),
        ([decimal(123_322, 6, 1), int(0)], "12,332"),
        ([decimal(123_322, 6, 1), pattern()], "12332.2"),
        ([double(12_345_678.123_456_79), int(5)], "12,345,678.12346"),
        ([double(-0.123456789), pattern()], "-0.123"),
        ([double(f64::from(12332.1_f32)), int(4)], "12,332.0996"),
        ([decimal(0, 1, 0), pattern()], "0"),
        ([int(1234), int(7)], "1,234.0000000"),
        ([int(0), int(0)], "0"),
        ([arg(ScalarValue::Int64(Some(-9_223_372_036_854_775_807))), int(1)], "-9,223,372,036,854,775,807.0"),
        ([double(0.125), string("#0.00%")], "12.50%"),
        ([double(-1234.5), string("$#,##0.00;($#,##0.00)")], "($1,234.50)"),
        ([int(1), void()], "NULL"),
    ] {
        assert_eq!(call("format_number", &args), written);
    }
}

#[test]
fn values_are_written_as_a_format_says() {
    for (args, written) in [
        (vec![string("Hello World %d %s"), int(100), string("days")], "Hello World 100 days"),
        (vec![string("%2$s-%1$s-%<s|%1$5d|%1$-3d|%1$03d"), int(7), string("a")], "a-7-7|    7|7  |007"),
        (vec![string("%s %b %S"), void(), void(), string("up")], "null false UP"),
        (
            vec![string("%.2f %e %g"), double(2.675), double(12345.678), double(0.00012)],
            "2.68 1.234568e+04 0.000120000",
        ),
        (vec![string("%x %,d %(d"), int(-1), int(1_234_567), int(-5)], "ffffffff 1,234,567 (5)"),
        (vec![string("%.1f%%"), decimal(1_235, 4, 2)], "12.4%"),
        (vec![string("%s %10.3s|"), double(1e7), string("abcdef")], "1.0E7        abc|"),
    ] {
        assert_eq!(call("printf", &args), written);
    }
}

#[test]
fn parts_of_urls_pairs_and_messages_are_read() {
    let url = "http://facebook.com/path/p1.php?query=1&k=v#Ref";
    for (part, found) in
        [("HOST", "facebook.com"), ("QUERY", "query=1&k=v"), ("REF", "Ref"), ("QUERY:k", "NULL")]
    {
        assert_eq!(strings("parse_url", &[url, part]), found);
    }
    assert_eq!(strings("parse_url", &[url, "QUERY", "k"]), "v");
    assert_eq!(strings("parse_url", &[url, "HOST", "k"]), "NULL");
    assert_eq!(strings("str_to_map", &["a:1,b:2,c,a:3,,"]), "{a: 3, b: 2, c: NULL}");
    assert_eq!(strings("str_to_map", &["a=1&b=2", "&", "="]), "{a: 1, b: 2}");
    for (message, format, plain) in [
        ("H4sIAAAAAAAA/ytJLS4BAAx+f9gEAAAA", "gzip", "test"),
        ("H4sIAAAAAAAA/ytJLS4BAAx+f9gEAAAA", "gzip(json-2.0)", "test"),
        ("{unitTest:'udf-deserialize'}", "json-0.2", "{unitTest:'udf-deserialize'}"),
    ] {
        assert_eq!(strings("deserialize", &[message, format]), plain);
    }
}

#[test]
fn natural_language_is_taken_apart() {
    let text = "Hive is an excellent tool for data querying; and perhaps more versatile than machine translation!! \
                Multiple, ill-formed sentences...confounding punctuation--and yet this UDF still works!!!!";
    assert_eq!(
        strings("sentences", &[text]),
        "[[Hive, is, an, excellent, tool, for, data, querying, and, perhaps, more, versatile, than, machine, \
         translation], [Multiple, ill-formed, sentences, confounding, punctuation, and, yet, this, UDF, still, works]]"
    );
}

#[test]
fn a_call_that_cannot_be_made_says_why() {
    let resolve = |name: &str, args: &[Arg]| {
        let all = FUNCTIONS.iter().copied().flatten();
        let found = all.into_iter().find(|function| function.name == name).unwrap();
        (found.resolve)(name, args, &facts()).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(resolve("concat", &[]), "concat takes at least 1 arguments, not 0 arguments");
    assert!(resolve("split", &[string("a"), string("[")]).starts_with("argument 2 of split: the pattern"));
    assert_eq!(
        resolve("instr", &[string("a"), string("a"), int(1), int(0)]),
        "argument 4 of instr: the occurrence must be positive"
    );
}
