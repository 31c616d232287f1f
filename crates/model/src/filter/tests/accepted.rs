use super::*;

/// What is written, and what it is taken for: the filter with every value in quotes.
const TABLE: &[(&str, &str)] = &[
    // The examples of the manual and of clients.
    ("status:2", r#"status:"2""#),
    ("id:5", r#"id:"5""#),
    ("apionly:true", r#"apionly:"true""#),
    (r#"color:"red""#, r#"color:"red""#),
    (
        r#"name:"*aaa",status:"active""#,
        r#"name:"*aaa",status:"active""#,
    ),
    (
        r#"status:"active"|"suspend""#,
        r#"status:"active"|"suspend""#,
    ),
    (r#"contact.name:"hoo""#, r#"contact.name:"hoo""#),
    (
        r#"properties.name:"location""#,
        r#"properties.name:"location""#,
    ),
    (
        r#"name:"aaa"|"bbb"|"ccc"||status:"suspend""#,
        r#"name:"aaa"|"bbb"|"ccc"||status:"suspend""#,
    ),
    (r#"_all~"keyword""#, r#"_all~"keyword""#),
    (r#"username:"User*""#, r#"username:"User*""#),
    (r#"accessId:"X""#, r#"accessId:"X""#),
    (r#"username:"svc""#, r#"username:"svc""#),
    ("username:sarah", r#"username:"sarah""#),
    (r#"status:"2""#, r#"status:"2""#),
    (r#"roles:"administrator""#, r#"roles:"administrator""#),
    (r#"note:"abc-\(test\)-1""#, r#"note:"abc-(test)-1""#),
    ("id>:5", r#"id>:"5""#),
    ("lastUsedOn<:1700000000", r#"lastUsedOn<:"1700000000""#),
    // Every operator.
    ("a:1", r#"a:"1""#),
    ("a!:1", r#"a!:"1""#),
    ("a>1", r#"a>"1""#),
    ("a>:1", r#"a>:"1""#),
    ("a>=1", r#"a>:"1""#),
    ("a<1", r#"a<"1""#),
    ("a<:1", r#"a<:"1""#),
    ("a<=1", r#"a<:"1""#),
    ("a~x", r#"a~"x""#),
    ("a!~x", r#"a!~"x""#),
    (r#"a!:"x""#, r#"a!:"x""#),
    (r#"a>"1""#, r#"a>"1""#),
    (r#"a>:"1""#, r#"a>:"1""#),
    (r#"a>="1""#, r#"a>:"1""#),
    (r#"a<"1""#, r#"a<"1""#),
    (r#"a<="1""#, r#"a<:"1""#),
    (r#"a~"x""#, r#"a~"x""#),
    (r#"a!~"x""#, r#"a!~"x""#),
    ("a:::empty", "a:::empty"),
    ("a:::null", "a:::null"),
    ("a!::empty", "a!::empty"),
    ("a!::null", "a!::null"),
    ("a:::EMPTY", "a:::empty"),
    ("a:::Null", "a:::null"),
    (r#"a:::"empty""#, "a:::empty"),
    ("a::: null ", "a:::null"),
    (
        "a:::empty,b!::null||c:::null",
        "a:::empty,b!::null||c:::null",
    ),
    ("a:::empty , b:1", r#"a:::empty,b:"1""#),
    // Several values.
    ("a:1|2", r#"a:"1"|"2""#),
    ("a:1|2|3", r#"a:"1"|"2"|"3""#),
    (r#"a:"1"|2"#, r#"a:"1"|"2""#),
    (r#"a:1|"2""#, r#"a:"1"|"2""#),
    ("a!:1|2", r#"a!:"1"|"2""#),
    ("a~x|y", r#"a~"x"|"y""#),
    ("a!~x|y", r#"a!~"x"|"y""#),
    ("a>1|2", r#"a>"1"|"2""#),
    ("a:x y|z w", r#"a:"x y"|"z w""#),
    ("a: x | y ", r#"a:"x"|"y""#),
    (r#"a: "x" | "y" "#, r#"a:"x"|"y""#),
    // `,` and `||`.
    ("a:1,b:2", r#"a:"1",b:"2""#),
    ("a:1,b:2,c:3", r#"a:"1",b:"2",c:"3""#),
    ("a:1||b:2", r#"a:"1"||b:"2""#),
    ("a:1 || b:2", r#"a:"1"||b:"2""#),
    ("a:1 , b:2", r#"a:"1",b:"2""#),
    ("a:1,b:2||c:3", r#"a:"1",b:"2"||c:"3""#),
    ("a:1||b:2,c:3", r#"a:"1"||b:"2",c:"3""#),
    ("a:1|2||b:3|4,c:5", r#"a:"1"|"2"||b:"3"|"4",c:"5""#),
    (r#"a:"1"||b:"2""#, r#"a:"1"||b:"2""#),
    (r#"a:"1"|"2" || b:"3""#, r#"a:"1"|"2"||b:"3""#),
    ("a:1||a:2||a:3", r#"a:"1"||a:"2"||a:"3""#),
    ("a>1,a<9", r#"a>"1",a<"9""#),
    ("a:1\n,\tb:2", r#"a:"1",b:"2""#),
    // Fields.
    ("a.b:1", r#"a.b:"1""#),
    ("a.b.c:1", r#"a.b.c:"1""#),
    ("system.host-name_2:1", r#"system.host-name_2:"1""#),
    ("_all:x", r#"_all:"x""#),
    ("_all!:x", r#"_all!:"x""#),
    ("_all!~x|y", r#"_all!~"x"|"y""#),
    ("A:1", r#"A:"1""#),
    ("1:2", r#"1:"2""#),
    ("a-:1", r#"a-:"1""#),
    (" a:1", r#"a:"1""#),
    ("a :1", r#"a:"1""#),
    ("a : 1", r#"a:"1""#),
    ("a >: 1", r#"a>:"1""#),
    ("a !~ x", r#"a!~"x""#),
    // Bare values.
    ("a:x y", r#"a:"x y""#),
    ("a:x  y  ", r#"a:"x  y""#),
    ("a:  x", r#"a:"x""#),
    ("a:10:20:30", r#"a:"10:20:30""#),
    ("a:x:", r#"a:"x:""#),
    ("a:http://x/y?z=1", r#"a:"http://x/y?z=1""#),
    ("a:x>y<z", r#"a:"x>y<z""#),
    ("a:x~y!z", r#"a:"x~y!z""#),
    ("a:b@c.d", r#"a:"b@c.d""#),
    ("a:x (y) [z] {w}", r#"a:"x (y) [z] {w}""#),
    ("a:(x)", r#"a:"(x)""#),
    ("a:$&#%", r#"a:"$&#%""#),
    ("a:'x'", r#"a:"'x'""#),
    ("a:x;y", r#"a:"x;y""#),
    ("a:-5", r#"a:"-5""#),
    ("a>-5", r#"a>"-5""#),
    ("a:+5", r#"a:"+5""#),
    ("a:5.5", r#"a:"5.5""#),
    ("a:.", r#"a:".""#),
    ("a:_", r#"a:"_""#),
    ("a:%", r#"a:"%""#),
    ("a:é ü", r#"a:"é ü""#),
    ("a:日本語", r#"a:"日本語""#),
    ("a:🦀", r#"a:"🦀""#),
    ("a:“x”", r#"a:"“x”""#),
    ("a:null", r#"a:"null""#),
    ("a:empty", r#"a:"empty""#),
    ("a:fe80::1", r#"a:"fe80::1""#),
    ("a:::1", r#"a:"::1""#),
    ("a!:::1", r#"a!:"::1""#),
    ("a:::ffff:10.0.0.1", r#"a:"::ffff:10.0.0.1""#),
    ("a:::1|::2", r#"a:"::1"|"::2""#),
    ("a: ::1", r#"a:"::1""#),
    ("a~::1", r#"a~"::1""#),
    ("a:::ff*,b:1", r#"a:"::ff*",b:"1""#),
    (r#"a:"::1""#, r#"a:"::1""#),
    // Stars.
    ("a:*", r#"a:"*""#),
    (r#"a:"*""#, r#"a:"*""#),
    ("a:x*", r#"a:"x*""#),
    ("a:*x", r#"a:"*x""#),
    ("a:*x*", r#"a:"*x*""#),
    ("a:x*y", r#"a:"x*y""#),
    ("a:x**y", r#"a:"x*y""#),
    ("a:****", r#"a:"*""#),
    ("a:x* y", r#"a:"x* y""#),
    ("a:x* ", r#"a:"x*""#),
    ("a~x*y", r#"a~"x*y""#),
    ("a!:*", r#"a!:"*""#),
    ("a:*|x*", r#"a:"*"|"x*""#),
    (r"a:x\*y", r#"a:"x\*y""#),
    (r#"a:"x\*y*z""#, r#"a:"x\*y*z""#),
    (r"a>\*", r#"a>"\*""#),
    // Quotes.
    (r#"a:"""#, r#"a:"""#),
    (r#"a!:"""#, r#"a!:"""#),
    (r#"a:" x ""#, r#"a:" x ""#),
    (r#"a:"x,y""#, r#"a:"x,y""#),
    (r#"a:"x|y""#, r#"a:"x|y""#),
    (r#"a:"x||y",b:"1""#, r#"a:"x||y",b:"1""#),
    (r#"a:"x:y""#, r#"a:"x:y""#),
    (r#"a:":x""#, r#"a:":x""#),
    (r#"a:">5""#, r#"a:">5""#),
    (r#"a:"!x""#, r#"a:"!x""#),
    (r#"a:"=""#, r#"a:"=""#),
    (r#"a:"it's""#, r#"a:"it's""#),
    ("a:\"x\ny\"", "a:\"x\ny\""),
    (r#"a:"x" ,b:1"#, r#"a:"x",b:"1""#),
    // Backslashes.
    (r#"a:"say \"x\"""#, r#"a:"say \"x\"""#),
    (r#"a:"x\\y""#, r#"a:"x\\y""#),
    (r#"a:"x\\""#, r#"a:"x\\""#),
    (r#"a:"\(\)\$\&\#\[\]\,\:\~\|""#, r#"a:"()$&#[],:~|""#),
    (r#"a:"\!\<\>\=""#, r#"a:"!<>=""#),
    (r#"a:"CORP\sarah""#, r#"a:"CORP\\sarah""#),
    (r"a:CORP\sarah", r#"a:"CORP\\sarah""#),
    (r"a:x\,y", r#"a:"x,y""#),
    (r"a:x\|y", r#"a:"x|y""#),
    (r#"a:x\"y"#, r#"a:"x\"y""#),
    (r"a:\:x", r#"a:":x""#),
    (r"a:\>5", r#"a:">5""#),
    (r"a:x\\y", r#"a:"x\\y""#),
    (r"a:x\", r#"a:"x\\""#),
    (r"a:\", r#"a:"\\""#),
    (r"a:\n", r#"a:"\\n""#),
    (r"a:\(x\)", r#"a:"(x)""#),
];

#[test]
fn filters_of_the_grammar_are_read() {
    assert!(TABLE.len() >= 150, "{}", TABLE.len());
    for (input, expect) in TABLE {
        match parse(input) {
            Ok(filter) => assert_eq!(filter.to_string(), *expect, "{input}"),
            Err(error) => panic!("{input}: {error}"),
        }
    }
}

#[test]
fn what_is_printed_is_read_as_the_same() {
    for (input, expect) in TABLE {
        let again = parse(expect).unwrap_or_else(|error| panic!("{expect}: {error}"));
        assert_eq!(again.to_string(), *expect, "{input}");
    }
}

#[test]
fn conditions_know_their_place() {
    let filter = parse(" a:1, b:ü || c : x").unwrap();
    let places: Vec<usize> = filter.conditions().map(|c| c.character).collect();
    assert_eq!(places, [2, 7, 14]);
    assert_eq!(filter.any.len(), 2);
    assert_eq!(filter.any[0][0].op, Op::Equal);
    assert_eq!(filter.any[0][0].values, [Pattern::exactly("1")]);
    let star = parse("a:x*").unwrap();
    let between = Pattern::between_stars(["x".to_owned(), String::new()]);
    assert_eq!(star.any[0][0].values, [between]);
}
