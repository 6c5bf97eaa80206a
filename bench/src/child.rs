//! This program again, as a process of its own, so that its CPU time and memory are its own: one JSON document a line in,
//! one out.
//!
//! Invariant: a child ends when its standard input does, so none outlives the program that started it.

use crate::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout, Command};

/// A child that is asked.
pub(crate) struct Child {
    process: tokio::process::Child,
    stdin: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Child {
    /// Starts this program with `args`.
    pub(crate) fn start(args: &[&str]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdin = process.stdin.take().ok_or("a child without standard input")?;
        let stdout = process.stdout.take().ok_or("a child without standard output")?;
        Ok(Self { process, stdin, answers: BufReader::new(stdout).lines() })
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> Result<u32> {
        self.process.id().ok_or_else(|| "the child has ended".into())
    }

    /// Closes its standard input, and waits until it has ended.
    pub(crate) async fn stop(mut self) -> Result<()> {
        drop(self.stdin);
        let status = self.process.wait().await?;
        if status.success() { Ok(()) } else { Err(format!("a child ended with {status}").into()) }
    }

    /// Asks, and waits for the answer.
    pub(crate) async fn ask<R: DeserializeOwned>(&mut self, what: &impl Serialize) -> Result<R> {
        let mut line = serde_json::to_vec(what)?;
        line.push(b'\n');
        self.stdin.write_all(&line).await?;
        self.stdin.flush().await?;
        let answer = self.answers.next_line().await?.ok_or("the child has ended")?;
        let answer: std::result::Result<R, String> = serde_json::from_str(&answer)?;
        Ok(answer?)
    }
}

/// The child's side: answers until its standard input ends.
pub(crate) async fn serve<C, R>(mut answer: impl AsyncFnMut(C) -> Result<R>) -> Result<()>
where
    C: DeserializeOwned,
    R: Serialize,
{
    let mut asked = BufReader::new(tokio::io::stdin()).lines();
    let mut out = tokio::io::stdout();
    while let Some(line) = asked.next_line().await? {
        let result = answer(serde_json::from_str(&line)?).await.map_err(|error| error.to_string());
        let mut line = serde_json::to_vec(&result)?;
        line.push(b'\n');
        out.write_all(&line).await?;
        out.flush().await?;
    }
    Ok(())
}
