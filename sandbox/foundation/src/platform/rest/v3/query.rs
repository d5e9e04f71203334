//! The query of a request: what is wanted, and which page of it.

use serde_json::{Value, json};

use crate::platform::rest::{Answer, url};

/// How many resources a page has unless the query says so.
const PER_PAGE: usize = 50;

/// How many resources a page may have.
const MOST_PER_PAGE: usize = 5000;

/// A request's path and query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'q> {
    path: &'q str,
    pairs: &'q str,
    page: usize,
    per_page: usize,
}

impl<'q> Query<'q> {
    /// Reads a path with its query; the error is what the API answers to numbers that it does not take.
    pub(super) fn read(target: &'q str) -> Result<Query<'q>, Answer> {
        let (path, pairs) = target.split_once('?').unwrap_or((target, ""));
        let mut read = Query { path, pairs, page: 1, per_page: PER_PAGE };
        let refused = |detail: &str| {
            Answer::error(400, 10_005, "CF-BadQueryParameter", &format!("The query parameter is invalid: {detail}"))
        };
        if let Some(page) = read.value("page") {
            let page = page.parse().ok().filter(|page| *page > 0);
            read.page = page.ok_or_else(|| refused("Page must be greater than 0"))?;
        }
        if let Some(per_page) = read.value("per_page") {
            let per_page = per_page.parse().ok().filter(|count| (1..=MOST_PER_PAGE).contains(count));
            let bounds = format!("Per page must be between 1 and {MOST_PER_PAGE}");
            read.per_page = per_page.ok_or_else(|| refused(&bounds))?;
        }
        Ok(read)
    }

    /// Returns the words of the path.
    pub(super) fn words(&self) -> Vec<&'q str> {
        self.path.trim_matches('/').split('/').collect()
    }

    fn value(&self, key: &str) -> Option<&'q str> {
        let mut pairs = self.pairs.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(known, _)| *known == key).map(|(_, value)| value)
    }

    /// Returns whether the query says anything about a key.
    pub(super) fn names(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Returns whether a value is among those that the query wants, if it wants any.
    pub(super) fn wants(&self, key: &str, value: &str) -> bool {
        self.value(key).is_none_or(|wanted| wanted.split(',').any(|one| one == value))
    }

    /// Returns the page that is wanted of some resources.
    pub(super) fn page(&self, resources: &[Value]) -> Value {
        let pages = resources.len().div_ceil(self.per_page).max(1);
        let skipped = (self.page - 1).saturating_mul(self.per_page);
        let shown: Vec<&Value> = resources.iter().skip(skipped).take(self.per_page).collect();
        let next = (self.page < pages).then(|| self.link(self.page + 1));
        let previous = (self.page > 1).then(|| self.link(self.page - 1));
        json!({
            "pagination": {
                "total_results": resources.len(),
                "total_pages": pages,
                "first": self.link(1),
                "last": self.link(pages),
                "next": next,
                "previous": previous,
            },
            "resources": shown,
        })
    }

    fn link(&self, page: usize) -> Value {
        let others = self.pairs.split('&').filter(|pair| {
            !pair.is_empty() && !["page", "per_page"].contains(&pair.split('=').next().unwrap_or_default())
        });
        let mut pairs: Vec<String> = others.map(str::to_owned).collect();
        pairs.extend([format!("page={page}"), format!("per_page={}", self.per_page)]);
        json!({"href": format!("{}?{}", url(self.path), pairs.join("&"))})
    }
}
