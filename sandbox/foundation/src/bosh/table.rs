//! A table of bosh: columns, rows, and both ways of printing them.

use std::collections::BTreeMap;

use serde::Serialize;

/// A table of text cells.
pub(super) struct Table {
    content: String,
    titles: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    shape: Shape,
    notes: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Rows,
    /// Each row is printed as a column.
    Columns,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TableJson {
    content: String,
    header: BTreeMap<String, &'static str>,
    rows: Vec<BTreeMap<String, String>>,
    notes: Option<Vec<String>>,
}

impl Table {
    pub(super) fn new(content: impl Into<String>, titles: &[&'static str], rows: Vec<Vec<String>>) -> Table {
        Table { content: content.into(), titles: titles.to_vec(), rows, shape: Shape::Rows, notes: None }
    }

    /// Returns the table with each row printed as a column.
    pub(super) fn transposed(self) -> Table {
        Table { shape: Shape::Columns, ..self }
    }

    /// Returns the table with notes, which are only part of a document.
    pub(super) fn noted(self, notes: &[&str]) -> Table {
        Table { notes: Some(notes.iter().map(ToString::to_string).collect()), ..self }
    }

    /// Returns the table with the columns of these keys only; none are all.
    pub(super) fn only(self, wanted: &[String]) -> Table {
        if wanted.is_empty() {
            return self;
        }
        let keys = self.keys();
        let is_shown = |index: &usize| wanted.contains(&keys[*index]);
        let shown: Vec<usize> = (0..keys.len()).filter(is_shown).collect();
        let pick = |row: &Vec<String>| shown.iter().map(|index| row[*index].clone()).collect();
        let titles = shown.iter().map(|index| self.titles[*index]).collect();
        Table { titles, rows: self.rows.iter().map(pick).collect(), ..self }
    }

    /// Returns the table as it is printed without a terminal: padded cells, each followed by a tab.
    pub(super) fn plain(&self) -> String {
        let rows: Vec<Vec<String>> = match self.shape {
            Shape::Rows => self.rows.iter().flat_map(|row| lines_of(row)).collect(),
            Shape::Columns => self.columns(),
        };
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        rows.iter().fold(String::new(), |text, row| {
            let last = row.len() - 1;
            let padded = row.iter().enumerate().map(|(column, cell)| match column {
                _ if column == last => format!("{cell}\t"),
                _ => format!("{cell:<width$}\t", width = width(column)),
            });
            text + &padded.collect::<String>() + "\n"
        })
    }

    /// Returns one cell per line, and an empty one between two rows.
    fn columns(&self) -> Vec<Vec<String>> {
        let rows =
            self.rows.iter().map(|row| row.iter().flat_map(|cell| lines_of(std::slice::from_ref(cell))).collect());
        let rows: Vec<Vec<Vec<String>>> = rows.collect();
        rows.join(&vec![String::new()])
    }

    pub(super) fn json(self) -> TableJson {
        let keys = self.keys();
        let rows = self.rows.into_iter().map(|row| keys.iter().cloned().zip(row).collect()).collect();
        let header = keys.iter().cloned().zip(self.titles).collect();
        TableJson { content: self.content, header, rows, notes: self.notes }
    }

    fn keys(&self) -> Vec<String> {
        self.titles.iter().enumerate().map(|(index, title)| key(index, title)).collect()
    }
}

/// Splits cells of several lines over several rows; an empty cell is a dash.
fn lines_of(row: &[String]) -> Vec<Vec<String>> {
    let cells: Vec<Vec<&str>> =
        row.iter().map(|cell| if cell.is_empty() { vec!["-"] } else { cell.split('\n').collect() }).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    (0..height).map(|line| cells.iter().map(|cell| (*cell.get(line).unwrap_or(&"")).to_owned()).collect()).collect()
}

/// Returns the key of a column: its title in lower snake case, or its number if that is empty.
fn key(index: usize, title: &str) -> String {
    let words = title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let snake = words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_");
    if snake.is_empty() { index.to_string() } else { snake }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_the_titles_in_snake_case() {
        let titles = ["#", "Release(s)", "VM CID", "Expires at", "ID", "Load\n(1m, 5m, 15m)", "Size (mb)"];
        let keys: Vec<String> = titles.iter().enumerate().map(|(index, title)| key(index, title)).collect();
        assert_eq!(keys, ["0", "release_s", "vm_cid", "expires_at", "id", "load_1m_5m_15m", "size_mb"]);
    }

    #[test]
    fn plain_rows_are_padded_and_end_in_tabs() {
        let rows =
            vec![vec!["3".into(), "missing_disk".into(), "a".into()], vec!["14".into(), String::new(), "b\nc".into()]];
        let table = Table::new("problems", &["#", "Type", "Description"], rows);
        assert_eq!(table.plain(), "3 \tmissing_disk\ta\t\n14\t-           \tb\t\n  \t            \tc\t\n");
    }

    #[test]
    fn only_the_wanted_columns_are_shown() {
        let rows = vec![vec!["a".into(), "b".into()]];
        let table = Table::new("vms", &["Instance", "VM CID"], rows).only(&["vm_cid".to_owned()]);
        assert_eq!(table.plain(), "b\t\n");
    }
}
