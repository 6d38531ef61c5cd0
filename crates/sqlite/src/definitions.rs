//! The definitions of tables and indexes. SQLite keeps them as texts without a checksum, so a flipped bit can rename a column or
//! change what may be in it, and every statement would fail, or store what it should not.

use rusqlite::Connection;

/// What a database of portraitd has, by kind and name, with the text that defines it.
type Definitions = Vec<(String, String, String, Option<String>)>;

/// The first table or index that is not defined as in a model, or that only one of both has; for people.
pub(crate) fn first_damaged(found: &Connection, model: &Connection) -> rusqlite::Result<Option<String>> {
    let (expected, found) = (definitions(model)?, definitions(found)?);
    let alone = |of: &Definitions, other: &Definitions| {
        of.iter().find(|definition| !other.contains(definition)).map(|(kind, name, ..)| {
            format!("the definition of the {kind} {name} is not the one that portraitd wrote")
        })
    };
    Ok(alone(&expected, &found).or_else(|| alone(&found, &expected)))
}

fn definitions(connection: &Connection) -> rusqlite::Result<Definitions> {
    let mut select = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    rows.collect()
}
