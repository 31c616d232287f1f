//! What a password of somebody who logs in has to look like (spec §6.2).

use crate::error::{Error, Result};

/// Fewest characters.
const SHORTEST: usize = 8;
/// Longest password in bytes, which the catalog's hash takes too.
const LONGEST: usize = 1_024;
/// The special characters that count.
const SPECIAL: &str = "~!$%^()_-+=}{][@#&\\|;:<>.?/";

/// Words that lead the lists of leaked passwords. With a capital, digits and a sign added
/// they meet every other rule, and are the first that anybody tries.
const LEAKED: &[&str] = &[
    "abc",
    "abcd",
    "abcdef",
    "admin",
    "administrator",
    "asdf",
    "asdfgh",
    "autumn",
    "baseball",
    "changeme",
    "charlie",
    "company",
    "default",
    "dragon",
    "football",
    "hello",
    "iloveyou",
    "letmein",
    "logicmonitor",
    "login",
    "master",
    "michael",
    "monday",
    "monkey",
    "pass",
    "passw",
    "password",
    "princess",
    "qazwsx",
    "qwer",
    "qwert",
    "qwerty",
    "qwertyuiop",
    "root",
    "secret",
    "shadow",
    "spring",
    "summer",
    "sunshine",
    "superman",
    "temp",
    "test",
    "trustno",
    "user",
    "welcome",
    "winter",
    "zaq",
    "zaqwsx",
    "zxcvbn",
];

/// Refuses a password that does not keep the rules. The message never repeats it.
pub(super) fn check(password: &str) -> Result<()> {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let long_enough = password.chars().nth(SHORTEST - 1).is_some();
    let kept = long_enough
        && has(char::is_uppercase)
        && has(char::is_lowercase)
        && has(|c| c.is_ascii_digit())
        && has(|c| SPECIAL.contains(c));
    if !kept {
        return Err(Error::Malformed(format!(
            "password must have at least {SHORTEST} characters, and an upper case letter, a \
             lower case letter, a digit and one of {SPECIAL}"
        )));
    }
    if password.len() > LONGEST {
        return Err(Error::Malformed(format!(
            "password must not be longer than {LONGEST} bytes"
        )));
    }
    if LEAKED.binary_search(&plain_word(password).as_str()).is_ok() {
        return Err(Error::Malformed(
            "password is one of those that leaked elsewhere and are tried first; choose \
             another"
                .to_owned(),
        ));
    }
    Ok(())
}

/// The word that a password was made of: digits and signs around it dropped, and those within
/// it read as the letters that they look like.
fn plain_word(password: &str) -> String {
    let letter = |c: char| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    };
    password
        .trim_matches(|c: char| !c.is_alphabetic())
        .to_lowercase()
        .chars()
        .map(letter)
        .filter(|c| c.is_alphabetic())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules() {
        let check_one = |password: &str, good: bool| {
            assert_eq!(check(password).is_ok(), good, "{password}");
        };
        check_one("Pw1!aaaa", true);
        check_one("Xk9.mvTq", true);
        check_one("Änderung7#x", true);
        // Too short, or a kind of character is missing.
        for bad in [
            "", "Pw1!aaa", "pw1!aaaa", "PW1!AAAA", "Pwx!aaaa", "Pw1aaaaa",
        ] {
            check_one(bad, false);
        }
        // Signs that are not on the list do not count.
        for sign in ['*', '`', '"', '\'', ',', ' ', '§'] {
            check_one(&format!("Pw1aaaaa{sign}"), false);
        }
        for sign in SPECIAL.chars() {
            check_one(&format!("Pw1aaaaa{sign}"), true);
        }
        check_one(&format!("Pw1!{}", "a".repeat(LONGEST)), false);
    }

    #[test]
    fn dressed_up_words_are_refused() {
        for bad in [
            "Password1!",
            "P@ssw0rd.1",
            "Welcome2026!",
            "!Qwerty123",
            "L3tm31n!!",
            "Summer#2026",
        ] {
            let error = check(bad).unwrap_err().to_string();
            assert!(error.contains("leaked"), "{bad}: {error}");
            assert!(!error.contains(bad));
        }
        for good in ["Password1!horse", "Zebra.77quilt"] {
            assert!(check(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn the_words_are_sorted() {
        assert!(LEAKED.is_sorted());
    }
}
