use super::*;
use crate::ResultRow;

fn row() -> ResultRow {
    let fields = [
        ("n", Value::Int(7)),
        ("half", Value::Float(0.5)),
        ("digits", Value::str("22")),
        ("user", Value::str("Bob")),
        ("ip", Value::str("10.1.2.3")),
        ("label", Value::List(vec!["Login".into(), "Fail".into()])),
        ("odd-name", Value::str("x")),
        ("yes", Value::Bool(true)),
    ];
    ResultRow {
        fields: fields
            .into_iter()
            .map(|(name, value)| (name.into(), value))
            .collect(),
    }
}

fn calculated(expression: &str) -> Option<Value> {
    let (_, calc) = Calc::assignment(&format!("x={expression}"), &[])
        .unwrap_or_else(|error| panic!("{expression}: {} at {}", error.message, error.at));
    calc.value(&row(), &Context::bare())
}

#[test]
fn values() {
    let int = |n: i64| Some(Value::Int(n));
    let float = |n: f64| Some(Value::Float(n));
    let text = |t: &str| Some(Value::str(t));
    let truth = |b: bool| Some(Value::Bool(b));
    let table: &[(&str, Option<Value>)] = &[
        ("1+2*3", int(7)),
        ("(1+2)*3", int(9)),
        ("7 % 4 - 1", int(2)),
        ("2^3^2", int(512)),
        ("-2^2", int(-4)),
        ("10/4", float(2.5)),
        ("1/0", None),
        ("n - -1", int(8)),
        ("n*half", float(3.5)),
        ("digits+1", int(23)),
        ("user+'@x'", text("Bob@x")),
        ("user-1", None),
        ("absent+1", None),
        ("absent+'x'", None),
        ("1.5e3", int(1500)),
        (".5+.5", int(1)),
        ("n == 7", truth(true)),
        ("n = '7'", truth(true)),
        ("user=='BOB'", truth(true)),
        ("user != 'bob'", truth(false)),
        ("user <> 'amy'", truth(true)),
        ("absent == 'x'", None),
        ("label == 'fail'", truth(true)),
        ("n<8 && digits>=22", truth(true)),
        ("n<7 || user='bob'", truth(true)),
        ("n<7 or not yes", truth(false)),
        ("!(n=7) and yes", truth(false)),
        ("absent || yes", truth(true)),
        ("user < 5", truth(false)),
        ("`odd-name` + 'y'", text("xy")),
        ("true", truth(true)),
        ("case(n>9 -> 'big', n>5 -> 'some')", text("some")),
        ("case(n>9 -> 'big')", None),
        ("case(n>9 -> 'big', 'small')", text("small")),
        (
            "case(isnotnull(user_match) -> 'true', 'false')",
            text("false"),
        ),
        ("if(n>5) {return 'a'} else {return 'b'}", text("a")),
        ("if (n>9) {'a'} else if (n>8) {'b'} else {'c';}", text("c")),
        ("if(n>9) {return 'a'}", None),
        ("if(n>5, 'a', 'b')", text("a")),
        ("match(user, '^b')", truth(false)),
        ("match(user, '(?i)^b')", truth(true)),
        ("match(label, 'Fai')", truth(true)),
        ("match(absent, 'x')", None),
        ("issubstr('OB', user) || match(user, 'z')", truth(true)),
        ("startswith(user,'bo') && endswith(user,'OB')", truth(true)),
        ("isnull(absent) && !isnull(n)", truth(true)),
        ("coalesce(absent, user)", text("Bob")),
        ("abs(0-3)+ceil(half)+floor(half)", int(4)),
        ("round(2.456, 2)", float(2.46)),
        ("sqrt(16)+pow(2,3)+log(100)", int(14)),
        ("log(8,2)+ln(exp(2))", int(5)),
        ("min(3, n, 'x')+max(3, n)", int(10)),
        ("len(user)", int(3)),
        ("upper(user)+lower(user)", text("BOBbob")),
        ("trim('  a ')+ltrim(' b')+rtrim('c ')", text("abc")),
        ("substr('abcdef', 2, 3)", text("bcd")),
        ("substr('héllo', 2)", text("éllo")),
        ("substr('ab', 9)", text("")),
        ("indexof('abc','c')", int(3)),
        ("replace('a.b.c', '.', '-')", text("a-b-c")),
        ("concat(user, '-', absent, n)", text("Bob-7")),
        ("tonumber('0x1')", None),
        ("tonumber(digits)", int(22)),
        ("concat(tostring(n),'1')", text("71")),
        ("isnum(digits) && !isnum(user)", truth(true)),
        (
            "cidrmatch(ip, '10.0.0.0/8') && cidrmatch('10.1.0.0/16', ip)",
            truth(true),
        ),
        ("cidrmatch(user, '10.0.0.0/8')", truth(false)),
    ];
    for (expression, expect) in table {
        assert_eq!(calculated(expression), *expect, "{expression}");
    }
}

#[test]
fn mistakes() {
    let deep = format!("x={}1{}", "(".repeat(100), ")".repeat(100));
    let long = format!("x=1{}", "+1".repeat(3_000));
    let minus = format!("x={}1", "-".repeat(100_000));
    let table: &[(&str, usize, &str)] = &[
        ("", 0, "an expression begins with a name and `=`"),
        ("1=2", 0, "an expression begins with a name and `=`"),
        ("x", 1, "expected `=` and an expression after the name"),
        ("x=", 2, "expected a value, a field or a function"),
        (
            "x=1 2",
            4,
            "expected an operator or the end of the expression",
        ),
        ("x=(1", 4, "expected `)`"),
        ("x='a", 2, "this quote is not closed"),
        ("x='a''", 5, "this quote is not closed"),
        ("x=1 # 2", 4, "`#` means nothing here"),
        ("x=1.2.3", 2, "`1.2.3` is not a number"),
        (
            "x=uper(a)",
            2,
            "there is no function `uper`; did you mean `upper`?",
        ),
        ("x=len()", 2, "write `len(text)`"),
        (
            "x=match(a)",
            2,
            "write `match(field, 'regular expression')`",
        ),
        (
            "x=match(a, b)",
            2,
            "write `match(field, 'regular expression')`",
        ),
        (
            "x=match(a, '(')",
            2,
            "this is not a regular expression: unclosed group",
        ),
        (
            "x=case(a)",
            8,
            "expected `->` and a value after the condition",
        ),
        ("x=if(a) b", 8, "expected `{`"),
    ];
    for (text, at, message) in table {
        let error = Calc::assignment(text, &[]).map(|_| ()).unwrap_err();
        assert_eq!(
            (error.at, error.message.as_str()),
            (*at, *message),
            "{text}"
        );
    }
    for (text, message) in [
        (deep, "an expression is nested at most 64 deep"),
        (minus, "an expression is nested at most 64 deep"),
        (long, "an expression has at most 2000 parts"),
    ] {
        assert_eq!(
            Calc::assignment(&text, &[])
                .map(|_| ())
                .unwrap_err()
                .message,
            message
        );
    }
}

#[test]
fn what_grows_is_bounded() {
    let long = "y".repeat(40_000);
    let row = ResultRow {
        fields: vec![("long".into(), Value::str(&long))],
    };
    for expression in [
        "x=long+long",
        "x=concat(long,long)",
        "x=replace(long,'y','yyyy')",
    ] {
        let (_, calc) = Calc::assignment(expression, &[]).unwrap();
        assert_eq!(calc.value(&row, &Context::bare()), None, "{expression}");
    }
}
