//! Names that are nearly those of variables that somebody reads.

/// A variable that nobody reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misspelt {
    /// Its name.
    pub name: String,
    /// The known name that is most like it.
    pub nearest: String,
}

/// How many letters of the prefix, too, may be wrong in a name that is right otherwise.
const MOST_WRONG: usize = 2;

/// Which of `variables` are meant to be among the `known` ones and are not, in order: those with the
/// `prefix` in any case, and those that differ from a known name by no more than a slip.
pub fn among(
    variables: impl IntoIterator<Item = String>,
    prefix: &str,
    known: &[String],
) -> Vec<Misspelt> {
    let begins = |name: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let longest = known.iter().map(String::len).max().unwrap_or(0) + MOST_WRONG;
    let mut found: Vec<Misspelt> = variables
        .into_iter()
        .filter(|name| !known.contains(name) && (begins(name) || name.len() <= longest))
        .filter_map(|name| {
            let upper = name.to_ascii_uppercase();
            // Words that were left out are fewer mistakes than they have letters.
            let differing =
                |known: &&String| (!has_all_words(known, &upper), distance(&upper, known));
            let nearest = known.iter().min_by_key(differing)?.clone();
            (begins(&name) || distance(&upper, &nearest) <= MOST_WRONG)
                .then_some(Misspelt { name, nearest })
        })
        .collect();
    found.sort_by(|one, other| one.name.cmp(&other.name));
    found
}

fn has_all_words(known: &str, name: &str) -> bool {
    name.split('_')
        .all(|word| known.split('_').any(|other| other == word))
}

/// How many letters have to be put in, left out, changed, or exchanged with the next one, to make one
/// name of the other.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for (row, letter) in one.iter().enumerate() {
        let mut next = vec![row + 1];
        for (column, its) in other.iter().enumerate() {
            let changed = last[column] + usize::from(letter != its);
            let mut fewest = changed.min(last[column + 1] + 1).min(next[column] + 1);
            let is_exchanged =
                row > 0 && column > 0 && one[row - 1] == *its && *letter == other[column - 1];
            if is_exchanged {
                fewest = fewest.min(before[column - 1] + 1);
            }
            next.push(fewest);
        }
        before = std::mem::replace(&mut last, next);
    }
    last[other.len()]
}
