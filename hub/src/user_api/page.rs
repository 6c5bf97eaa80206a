//! The web page: one constant file. It holds no data; its script asks the API with the token that is typed in.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use fleet_api::Digest;
use std::sync::OnceLock;

const PAGE: &str = include_str!("page.html");

/// `GET /`.
pub(super) async fn page() -> Response {
    let headers: [(HeaderName, &str); 6] = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    (headers, PAGE).into_response()
}

/// Only the script and the style of the page itself, by their digests; requests only to this hub.
fn policy() -> &'static str {
    static POLICY: OnceLock<String> = OnceLock::new();
    POLICY.get_or_init(|| {
        let source = |tag: &str| {
            let digest = Digest::of(between(PAGE, &format!("<{tag}>"), &format!("</{tag}>")).as_bytes());
            format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest.as_bytes()))
        };
        format!(
            "default-src 'none'; script-src {}; style-src {}; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            source("script"),
            source("style"),
        )
    })
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let text = text.split_once(start).map_or("", |(_, rest)| rest);
    text.split_once(end).map_or("", |(inside, _)| inside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_needs_nothing_from_elsewhere_and_writes_only_text() {
        for bad in ["http://", "https://", "innerHTML", "insertAdjacentHTML", "document.write", "eval(", " on", "src="]
        {
            let found = PAGE.find(bad).filter(|_| bad != " on" || PAGE.contains(" onclick="));
            assert_eq!(found, None, "{bad}");
        }
        assert!(!between(PAGE, "<script>", "</script>").is_empty());
        assert!(policy().contains("script-src 'sha256-"));
    }
}
