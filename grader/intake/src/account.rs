//! What people write into columns of accounts and identifiers.

/// What stands in a column of accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    Login(String),
    Mail(String),
}

impl Account {
    /// `ann`, `@ann`, the address of ann's page, or ann's mail address.
    pub(crate) fn read(text: &str) -> Result<Account, String> {
        let text = text.trim();
        let unknown = || {
            format!(
                "`{text}` is an address that names no account: expected a login, such as `ann`, or \
                 its page, such as https://github.com/ann"
            )
        };
        if let Some(login) = text.strip_prefix('@') {
            return Ok(Account::Login(login.to_owned()));
        }
        if let Some(page) = page_of(text) {
            let mut parts = page.split('/').filter(|part| !part.is_empty());
            return match (parts.next(), parts.next(), parts.next()) {
                (Some(_host), Some(login), None) => {
                    Ok(Account::Login(login.trim_start_matches('@').to_owned()))
                }
                _ => Err(unknown()),
            };
        }
        let Some((name, host)) = text.split_once('@') else {
            return Ok(Account::Login(text.to_owned()));
        };
        // GitHub's stand-in for an address that nobody shall know: `12345+ann@...`.
        Ok(
            match host.eq_ignore_ascii_case("users.noreply.github.com") {
                true => Account::Login(name.rsplit('+').next().unwrap_or(name).to_owned()),
                false => Account::Mail(text.to_owned()),
            },
        )
    }
}

/// What follows `https://` in the address of a page, without a query.
fn page_of(text: &str) -> Option<&str> {
    let lower = text.to_lowercase();
    let rest = ["https://", "http://"]
        .iter()
        .find(|scheme| lower.starts_with(**scheme))
        .map(|scheme| &text[scheme.len()..]);
    let bare = ["github.com/", "www.github.com/"]
        .iter()
        .any(|host| lower.starts_with(host));
    let page = rest.or(bare.then_some(text))?;
    page.split(['?', '#']).next()
}

/// Whether a spreadsheet made `1.23457E+11` of a long number.
pub(crate) fn is_shortened(text: &str) -> bool {
    let is_number = |text: &str, signs: &[char]| {
        text.starts_with(|char: char| char.is_ascii_digit())
            && text
                .chars()
                .all(|char| char.is_ascii_digit() || signs.contains(&char))
    };
    text.trim()
        .split_once(['E', 'e'])
        .and_then(|(number, power)| Some((number, power.strip_prefix('+')?)))
        .is_some_and(|(number, power)| is_number(number, &['.', ',']) && is_number(power, &[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_understood_however_it_is_written() {
        for text in [
            "ann",
            " ann ",
            "@ann",
            "https://github.com/ann",
            "https://www.github.com/ann/",
            "HTTP://GitHub.com/ann?tab=repositories",
            "github.com/ann",
            "https://gitlab.example.org/@ann",
            "123+ann@users.noreply.github.com",
        ] {
            assert_eq!(
                Account::read(text),
                Ok(Account::Login("ann".into())),
                "{text}"
            );
        }
        let mail = Account::read("ann@x.org");
        assert_eq!(mail, Ok(Account::Mail("ann@x.org".into())));
        for text in [
            "https://github.com",
            "https://github.com/ann/lab2",
            "http://",
        ] {
            let error = Account::read(text).expect_err(text);
            assert!(error.contains("names no account"), "{error}");
        }
    }

    #[test]
    fn numbers_that_a_spreadsheet_shortened_are_known() {
        for text in ["1.23457E+11", "1,23457E+11", "1E+5", " 2e+07 "] {
            assert!(is_shortened(text), "{text}");
        }
        for text in [
            "123457000000",
            "0012345",
            "1E5",
            "E+1",
            "1.5",
            "abcE+11",
            "1E+",
            "",
        ] {
            assert!(!is_shortened(text), "{text}");
        }
    }
}
