//! How a source file of the console becomes the file that is sent: without the comments that only people read, and without
//! indentation. Used by the build script; a line keeps its number, so that an error's place is found in the source.

/// Returns a JavaScript or CSS source without leading spaces and without its comments, but for `// …` behind code. Lines of
/// a template literal stay as they are: there, spaces count.
///
/// A line counts as part of a literal when an odd number of back-ticks comes before it. So a back-tick in a pattern or a
/// text is written as `\x60`, and a literal within a literal ends on the line where it begins. The console's tests compare
/// the syntax tree of every source with that of what is made of it.
///
/// # Errors
///
/// The number of back-ticks is odd, or a comment does not end.
pub(crate) fn slim(source: &str) -> Result<String, &'static str> {
    let mut kept = String::with_capacity(source.len());
    let (mut in_comment, mut in_literal) = (false, false);
    for line in source.lines() {
        let text = line.trim_start_matches(' ');
        if in_literal {
            kept.push_str(line);
            in_literal ^= has_odd_ticks(line);
        } else if in_comment {
            in_comment = !text.contains("*/");
        } else if text.starts_with("/*") && !text.contains("*/") {
            in_comment = true;
        } else if !text.starts_with("//") {
            in_literal = has_odd_ticks(text);
            push_code(&mut kept, text);
        }
        kept.push('\n');
    }
    match (in_literal, in_comment) {
        (true, _) => Err("an odd number of back-ticks: write one in a text or a pattern as \\x60"),
        (_, true) => Err("a comment that does not end"),
        _ => Ok(kept),
    }
}

/// Appends a line of code without its comments of the form `/* … */`: nearly all say what type something has.
fn push_code(kept: &mut String, mut line: &str) {
    while let Some((before, rest)) = line.split_once("/*") {
        let Some((_, after)) = rest.split_once("*/") else { break };
        kept.push_str(before);
        line = after.strip_prefix(' ').unwrap_or(after);
    }
    kept.push_str(line);
}

fn has_odd_ticks(line: &str) -> bool {
    let mut escaped = false;
    let ticks = line.chars().filter(|&sign| {
        let counts = sign == '`' && !escaped;
        escaped = sign == '\\' && !escaped;
        counts
    });
    ticks.count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::slim;

    #[test]
    fn comments_and_indentation_go_and_every_line_keeps_its_number() {
        let source = "// A module.\nif (a) {\n  /** Twice. */\n  b(); // here\n  /**\n   * @param {x} y\n   */\n  /** @type {x} */ (y).z();\n}\n";
        assert_eq!(slim(source).unwrap(), "\nif (a) {\n\nb(); // here\n\n\n\n(y).z();\n}\n");
    }

    #[test]
    fn a_template_literal_stays_as_it_is() {
        let source = "  a = `\n  // text\n  /* text\n    \\` more`;\n  b();\n";
        assert_eq!(slim(source).unwrap(), "a = `\n  // text\n  /* text\n    \\` more`;\nb();\n");
    }

    #[test]
    fn what_can_not_be_told_apart_is_refused() {
        assert!(slim("a = /`/;\n").is_err());
        assert!(slim("/* a\n").is_err());
    }

    #[test]
    fn comments_between_code_go() {
        assert_eq!(slim("f(/** @type {a} */ (b), /** @type {c} */ d);\n").unwrap(), "f((b), d);\n");
    }
}
