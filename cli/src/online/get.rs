//! `skiff get`: lists, single objects, and what changes of them.

use super::client::{Client, TABLE};
use super::names::{Named, collection, kind_and_name};
use crate::args::GetArgs;
use crate::error::CliError;
use crate::output::{Format, Output};
use reqwest::Method;
use serde_json::{Value, json};
use skiff_hub::store::Kind;
use std::time::Duration;

/// What is wanted, and how.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    kind: Kind,
    namespace: Option<String>,
    name: Option<String>,
    selector: Option<String>,
    format: Format,
    watch: bool,
}

impl Wanted {
    pub(super) fn parse(args: &GetArgs, namespace: &str) -> Result<Self, CliError> {
        let (kind, name) = kind_and_name(&args.object)?;
        if let Some(name) = name {
            Named::new(kind, namespace, name)?;
            if args.all_namespaces || args.selector.is_some() {
                return Err(CliError::Usage("a name goes with neither -A nor -l".into()));
            }
        }
        Ok(Self {
            kind,
            namespace: (!args.all_namespaces).then(|| namespace.to_owned()),
            name: name.map(str::to_owned),
            selector: args.selector.clone(),
            format: args.output,
            watch: args.watch,
        })
    }

    /// The path of the list, with what is selected of it.
    fn list(&self) -> String {
        let mut path = collection(self.kind, self.namespace.as_deref()) + "?includeObject=Object";
        if let Some(name) = &self.name {
            path += &format!("&fieldSelector=metadata.name%3D{name}");
        }
        if let Some(selector) = &self.selector {
            path += &format!("&labelSelector={}", percent(selector));
        }
        path
    }

    fn with_namespace(&self) -> bool {
        self.namespace.is_none() && self.kind.namespaced()
    }
}

/// Everything but letters and digits, for a query.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out += &format!("%{byte:02X}");
        }
    }
    out
}

pub(super) async fn run(hub: &Client, wanted: &Wanted, output: &mut Output) -> Result<(), CliError> {
    let (table, _) = hub.exchange(Method::GET, &wanted.list(), "", None, TABLE).await?;
    let rows = table["rows"].as_array().cloned().unwrap_or_default();
    if let (Some(name), true, false) = (&wanted.name, rows.is_empty(), wanted.watch) {
        // Asked by name, so that the hub's own words are told.
        let path = Named::new(wanted.kind, wanted.namespace.as_deref().unwrap_or_default(), name)?.path();
        hub.send(Method::GET, &path, None).await?;
    }
    let mut printer = Printer::new(wanted, &table);
    printer.first(&rows, output)?;
    if rows.is_empty() {
        let place = wanted.namespace.as_ref().filter(|_| wanted.kind.namespaced());
        let place = place.map(|namespace| format!(" in namespace {namespace}")).unwrap_or_default();
        output.note(&format!("no {}{place}", wanted.kind.plural()));
    }
    if wanted.watch {
        output.finish()?;
        let version = super::metadata(&table, "resourceVersion").to_owned();
        watch(hub, wanted, version, &mut printer, output).await?;
    }
    Ok(())
}

/// Follows what changes, for good. A watch that ends is begun again where it ended; where that is too long ago, with
/// what is there now.
async fn watch(
    hub: &Client,
    wanted: &Wanted,
    mut version: String,
    printer: &mut Printer<'_>,
    output: &mut Output,
) -> Result<(), CliError> {
    let mut away = false;
    loop {
        let from = if version.is_empty() { String::new() } else { format!("&resourceVersion={version}") };
        match hub.watch(&format!("{}&watch=true{from}", wanted.list()), TABLE).await {
            Ok(mut lines) => {
                away = false;
                while let Some(event) = lines.next().await {
                    if event["type"] == "ERROR" {
                        version.clear();
                        break;
                    }
                    let newer = super::metadata(&event["object"], "resourceVersion");
                    if !newer.is_empty() {
                        newer.clone_into(&mut version);
                    }
                    for row in event["object"]["rows"].as_array().into_iter().flatten() {
                        printer.change(event["type"].as_str().unwrap_or_default(), row, output)?;
                    }
                    output.finish()?;
                }
            }
            Err(failure) if failure.code == Some(410) => version.clear(),
            Err(failure) if failure.code.is_some_and(|code| code < 500 && code != 429) => return Err(failure.into()),
            // Said once for each time that the hub is away.
            Err(failure) => {
                if !std::mem::replace(&mut away, true) {
                    output.note(&format!("{}; trying again", failure.message));
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Prints rows in the form that is wanted.
struct Printer<'a> {
    wanted: &'a Wanted,
    /// Which cells are shown, and what they are called.
    columns: Vec<(usize, String)>,
    widths: Vec<usize>,
}

impl<'a> Printer<'a> {
    fn new(wanted: &'a Wanted, table: &Value) -> Self {
        let wide = wanted.format == Format::Wide;
        let definitions = table["columnDefinitions"].as_array().into_iter().flatten().enumerate();
        let shown = definitions.filter(|(_, column)| wide || column["priority"].as_i64().unwrap_or(0) == 0);
        let columns = shown.map(|(index, column)| (index, column["name"].as_str().unwrap_or_default().to_uppercase()));
        Self { wanted, columns: columns.collect(), widths: Vec::new() }
    }

    fn header(&self) -> Vec<String> {
        let namespace = self.wanted.with_namespace().then(|| "NAMESPACE".to_owned());
        namespace.into_iter().chain(self.columns.iter().map(|(_, name)| name.clone())).collect()
    }

    fn cells(&self, row: &Value) -> Vec<String> {
        let namespace = super::metadata(&row["object"], "namespace").to_owned();
        let namespace = self.wanted.with_namespace().then_some(namespace);
        let cell = |(index, _): &(usize, String)| {
            let text = row["cells"][*index].as_str().unwrap_or_default();
            text.replace(['\n', '\r'], " ")
        };
        namespace.into_iter().chain(self.columns.iter().map(cell)).collect()
    }

    fn first(&mut self, rows: &[Value], output: &mut Output) -> Result<(), CliError> {
        let objects = || rows.iter().map(|row| row["object"].clone());
        match self.wanted.format {
            Format::Table | Format::Wide => {
                let cells: Vec<_> = rows.iter().map(|row| self.cells(row)).collect();
                let header = self.header();
                let width = |index: usize| {
                    let longest = cells.iter().map(|row| row[index].chars().count()).max().unwrap_or(0);
                    longest.max(header[index].len())
                };
                self.widths = (0..header.len()).map(width).collect();
                self.line(&header, output)?;
                cells.iter().try_for_each(|row| self.line(row, output))
            }
            Format::Json if self.wanted.watch => rows.iter().try_for_each(|row| self.change("ADDED", row, output)),
            Format::Json if self.wanted.name.is_some() => objects().try_for_each(|object| output.json(&object)),
            Format::Json => {
                let items: Vec<_> = objects().collect();
                output.json(&json!({"apiVersion": "v1", "kind": "List", "items": items}))
            }
            Format::Yaml => rows.iter().enumerate().try_for_each(|(index, row)| {
                let separator = if index > 0 { "---\n" } else { "" };
                output.raw(&format!("{separator}{}", k8s_yaml::to_string(&row["object"])))
            }),
        }
    }

    /// One change of a watch: a row, a line of JSON, or a document.
    fn change(&self, kind: &str, row: &Value, output: &mut Output) -> Result<(), CliError> {
        match self.wanted.format {
            Format::Table | Format::Wide => {
                let mut cells = self.cells(row);
                if kind == "DELETED"
                    && let Some(last) = cells.last_mut()
                {
                    "(deleted)".clone_into(last);
                }
                self.line(&cells, output)
            }
            Format::Json => output.raw(&format!("{}\n", json!({"type": kind, "object": row["object"]}))),
            Format::Yaml => output.raw(&format!("---\n{}", k8s_yaml::to_string(&row["object"]))),
        }
    }

    /// Cells under the columns of the first rows.
    fn line(&self, cells: &[String], output: &mut Output) -> Result<(), CliError> {
        let mut line = String::new();
        for (index, cell) in cells.iter().enumerate() {
            let cell = crate::output::escape(cell);
            let width = self.widths.get(index).copied().unwrap_or(0);
            line += &if index + 1 == cells.len() { cell } else { format!("{cell:<width$}   ") };
        }
        output.line(line.trim_end())
    }
}
