//! Fills the values into a statement. As text, not as prepared statements: a batch of any size is one packet, and any proxy
//! passes it on.

use std::fmt::Write;

/// A value in a statement.
#[derive(Clone, Debug)]
pub(crate) enum Arg<'a> {
    Number(u64),
    Signed(i64),
    Bytes(&'a [u8]),
    /// Values separated by commas, for `IN (?)`.
    List(Vec<Arg<'a>>),
    /// Rows in parentheses, separated by commas, for `VALUES ?`.
    Rows(Vec<Vec<Arg<'a>>>),
}

impl From<u64> for Arg<'_> {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<u32> for Arg<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Signed(number)
    }
}

impl From<usize> for Arg<'_> {
    fn from(number: usize) -> Self {
        Self::Number(number as u64)
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Self::Bytes(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

/// Puts each value in the place of one `?`.
pub(crate) fn fill(statement: &str, args: &[Arg<'_>]) -> String {
    debug_assert_eq!(statement.matches('?').count(), args.len(), "{statement}");
    let mut sql = String::with_capacity(statement.len() + args.iter().map(size).sum::<usize>());
    let mut args = args.iter();
    for part in statement.split_inclusive('?') {
        match part.strip_suffix('?') {
            None => sql.push_str(part),
            Some(text) => {
                sql.push_str(text);
                if let Some(arg) = args.next() {
                    push(&mut sql, arg);
                }
            }
        }
    }
    sql
}

/// About how many bytes a value takes.
fn size(arg: &Arg<'_>) -> usize {
    match arg {
        Arg::Number(_) | Arg::Signed(_) => 20,
        Arg::Bytes(bytes) => 2 * bytes.len() + 4,
        Arg::List(list) => list.iter().map(size).sum(),
        Arg::Rows(rows) => rows.iter().flatten().map(size).sum(),
    }
}

fn push(sql: &mut String, arg: &Arg<'_>) {
    match arg {
        Arg::Number(number) => _ = write!(sql, "{number}"),
        Arg::Signed(number) => _ = write!(sql, "{number}"),
        Arg::Bytes(bytes) => push_bytes(sql, bytes),
        Arg::List(list) => push_list(sql, list),
        Arg::Rows(rows) => {
            for (index, row) in rows.iter().enumerate() {
                sql.push_str(if index == 0 { "(" } else { ",(" });
                push_list(sql, row);
                sql.push(')');
            }
        }
    }
}

fn push_list(sql: &mut String, list: &[Arg<'_>]) {
    for (index, arg) in list.iter().enumerate() {
        if index > 0 {
            sql.push(',');
        }
        push(sql, arg);
    }
}

/// `x'…'` needs no escaping and has no character set.
fn push_bytes(sql: &mut String, bytes: &[u8]) {
    sql.push_str("x'");
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            sql.push(char::from_digit(digit.into(), 16).unwrap_or_default());
        }
    }
    sql.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_the_marks() {
        let users = Arg::List(vec!["a".into(), "' OR 1".into()]);
        let sql = fill(
            "SELECT x FROM t WHERE app = ? AND user IN (?) AND n = ?",
            &[7_u32.into(), users, (-1_i64).into()],
        );
        assert_eq!(sql, "SELECT x FROM t WHERE app = 7 AND user IN (x'61',x'27204f522031') AND n = -1");
        let rows = Arg::Rows(vec![vec![1_u64.into(), "?".into()], vec![u64::MAX.into(), "".into()]]);
        let sql = fill("INSERT INTO t (a, b) VALUES ?", &[rows]);
        assert_eq!(sql, "INSERT INTO t (a, b) VALUES (1,x'3f'),(18446744073709551615,x'')");
    }
}
