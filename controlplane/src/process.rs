//! One child process that cannot outlive us.
//!
//! Used for each part of the control plane, and by tests for the programs that they try out. The child runs under a small `sh` that holds the read end of a pipe: when
//! we close the pipe, or end in any way at all (panic, `kill -9`), the shell kills the child. That needs no unsafe code
//! and no process group, and kills by the pid that the shell itself started.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

use crate::{Error, Result};

/// `$1` is where the pid is written, the rest is the command. The reader is ended before its pid can be used again.
const KEEPER: &str = r#"
exec 3<&0
pidfile=$1; shift
"$@" 3<&- </dev/null &
child=$!
printf '%s' "$child" >"$pidfile"
{ read -r _ <&3; kill -9 "$child" 2>/dev/null; } &
reader=$!
wait "$child"; code=$?
kill "$reader" 2>/dev/null
exit "$code"
"#;

/// How many lines of a log an error carries.
const LOG_LINES: usize = 25;

/// A running part of the control plane; dropping it kills it and waits for its end.
#[derive(Debug)]
pub struct Process {
    component: &'static str,
    keeper: Child,
    leash: Option<ChildStdin>,
    pid_file: PathBuf,
    log: PathBuf,
}

impl Process {
    /// Starts `binary` with `args`; both outputs are appended to `<directory>/<component>.log`.
    ///
    /// # Errors
    /// When the log cannot be opened or the program cannot be started.
    pub fn spawn(component: &'static str, binary: &Path, args: &[String], directory: &Path) -> Result<Self> {
        let log = directory.join(format!("{component}.log"));
        let pid_file = directory.join(format!("{component}.pid"));
        let file_error = |source| Error::File { what: "cannot write", path: log.clone(), source };
        let out = File::options().create(true).append(true).open(&log).map_err(file_error)?;
        let err = out.try_clone().map_err(file_error)?;
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "sh"])
            .arg(&pid_file)
            .arg(binary)
            .args(args)
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .spawn()
            .map_err(|source| Error::Spawn { component, binary: binary.to_owned(), source })?;
        let leash = keeper.stdin.take();
        Ok(Self { component, keeper, leash, pid_file, log })
    }

    /// The pid of the program itself, not of the shell that keeps it; none in the first milliseconds.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        fs::read_to_string(&self.pid_file).ok()?.trim().parse().ok()
    }

    /// An error if the program has ended by itself.
    ///
    /// # Errors
    /// Its exit status and the end of its log.
    pub fn still_runs(&mut self) -> Result<()> {
        match self.keeper.try_wait() {
            Ok(Some(status)) => Err(self.exited(&status)),
            Ok(None) | Err(_) => Ok(()),
        }
    }

    fn exited(&self, status: &ExitStatus) -> Error {
        Error::Exited { component: self.component, status: status.to_string(), log: self.log_tail() }
    }

    /// The last lines that the program wrote.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }

    /// Kills the program (`kill -9`: what it must survive anyway) and waits until it is gone.
    pub fn stop(&mut self) {
        drop(self.leash.take());
        // Waiting fails only where it was waited before; then it is gone already.
        drop(self.keeper.wait());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn args(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn alive(pid: u32) -> bool {
        // A killed process that its parent has not read yet is a zombie: gone for all that matters here.
        fs::read_to_string(format!("/proc/{pid}/stat"))
            .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
    }

    fn pid_of(process: &Process) -> u32 {
        let started = Instant::now();
        loop {
            if let Some(pid) = process.pid() {
                return pid;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "no pid was written");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn dropping_it_kills_the_program() {
        let directory = tempfile::tempdir().unwrap();
        let process = Process::spawn("sleeper", Path::new("sleep"), &args(&["300"]), directory.path()).unwrap();
        let pid = pid_of(&process);
        assert!(alive(pid));
        drop(process);
        assert!(!alive(pid));
    }

    #[test]
    fn a_program_that_ends_by_itself_is_an_error_with_the_end_of_its_log() {
        let directory = tempfile::tempdir().unwrap();
        let command = args(&["-c", "echo the reason; exit 7"]);
        let mut process = Process::spawn("loser", Path::new("sh"), &command, directory.path()).unwrap();
        let started = Instant::now();
        let error = loop {
            match process.still_runs() {
                Err(error) => break error.to_string(),
                Ok(()) => assert!(started.elapsed() < Duration::from_secs(20), "it never ended"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(error.contains("exit status: 7") && error.contains("the reason"), "{error}");
    }
}
