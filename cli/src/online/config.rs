//! Which hub, and as whom: `--config FILE`, `SKIFF_CONFIG` or `~/.config/skiff/config.yaml` (the form of the hub's
//! `admin.yaml`), with `SKIFF_HUB` and `SKIFF_TOKEN` over it.

use crate::args::Global;
use crate::error::CliError;
use fleet_api::Digest;
use skiff_hub::user_api::AdminFile;
use std::env;
use std::path::{Path, PathBuf};

/// How a hub is reached.
#[derive(Clone, PartialEq, Eq)]
pub struct HubConfig {
    /// `https://host:port`, without a slash at the end.
    pub url: String,
    /// SHA-256 of the hub's TLS public key. Where there is none, the certificate must be one that this machine trusts.
    pub key: Option<Digest>,
    /// The bearer token.
    pub token: String,
}

impl std::fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HubConfig {{ url: {:?}, key: {:?}, token: … }}", self.url, self.key)
    }
}

/// What the environment says.
#[derive(Clone, Default)]
struct Environment {
    token: Option<String>,
    key: Option<String>,
    home: Option<PathBuf>,
}

impl HubConfig {
    /// The hub that the arguments and the environment name.
    ///
    /// # Errors
    /// Where none is named, or a file cannot be read. All of them are wrong use.
    pub fn find(global: &Global) -> Result<Self, CliError> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let config_home = set("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = config_home.or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")));
        Self::from(global, Environment { token: set("SKIFF_TOKEN"), key: set("SKIFF_HUB_KEY"), home })
    }

    fn from(global: &Global, environment: Environment) -> Result<Self, CliError> {
        let standard = environment.home.map(|home| home.join("skiff/config.yaml"));
        let file = match (&global.config, standard) {
            (Some(path), _) => Some(read(path)?),
            (None, Some(path)) if path.exists() => Some(read(&path)?),
            (None, _) => None,
        };
        let key = match environment.key {
            Some(text) => {
                let wrong = |error| CliError::Usage(format!("SKIFF_HUB_KEY: {error}"));
                Some(text.parse::<Digest>().map_err(wrong)?)
            }
            None => file.as_ref().map(|file| file.hub_key),
        };
        let (file_url, file_token) = file.map_or((None, None), |file| (Some(file.hub), Some(file.token)));
        let missing = |what: &str, variable: &str| {
            let places = "--config FILE, SKIFF_CONFIG or ~/.config/skiff/config.yaml";
            CliError::Usage(format!(
                "which hub? {what} is not known: give the hub's admin.yaml by {places}, or set {variable}"
            ))
        };
        let url = global.hub_url.clone().or(file_url).ok_or_else(|| missing("its address", "SKIFF_HUB"))?;
        let token = environment.token.or(file_token).ok_or_else(|| missing("its credential", "SKIFF_TOKEN"))?;
        let url = url.trim_end_matches('/').to_owned();
        if !url.starts_with("https://") {
            return Err(CliError::Usage(format!("{url}: the hub's address begins with https://")));
        }
        Ok(Self { url, key, token: token.trim().to_owned() })
    }
}

fn read(path: &Path) -> Result<AdminFile, CliError> {
    let wrong = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    AdminFile::parse(&text).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global(config: Option<PathBuf>, hub_url: Option<&str>) -> Global {
        Global { config, hub_url: hub_url.map(Into::into), namespace: "fleet-default".into() }
    }

    #[test]
    fn the_file_is_found_and_the_environment_stands_over_it() {
        let dir = tempfile::tempdir().unwrap();
        let key = Digest::of(b"key");
        let file = AdminFile { hub: "https://a:1/".into(), hub_key: key, token: "from-file".into() };
        let path = dir.path().join("skiff/config.yaml");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, file.to_yaml()).unwrap();
        let home = Environment { home: Some(dir.path().into()), ..Environment::default() };
        let by_home = HubConfig::from(&global(None, None), home.clone()).unwrap();
        assert_eq!(
            (by_home.url.as_str(), by_home.key, by_home.token.as_str()),
            ("https://a:1", Some(key), "from-file")
        );
        let by_name = HubConfig::from(&global(Some(path), None), Environment::default()).unwrap();
        assert_eq!(by_name, by_home);
        let over = Environment { token: Some("from-env".into()), ..home };
        let over = HubConfig::from(&global(None, Some("https://b:2")), over).unwrap();
        assert_eq!((over.url.as_str(), over.key, over.token.as_str()), ("https://b:2", Some(key), "from-env"));
        assert!(!format!("{over:?}").contains("from-env"));
    }

    #[test]
    fn what_is_missing_is_wrong_use() {
        let token = || Environment { token: Some("t".into()), ..Environment::default() };
        for (global, environment) in [
            (global(None, None), token()),
            (global(None, Some("https://a")), Environment::default()),
            (global(None, Some("http://a")), token()),
            (global(Some("/nowhere/config.yaml".into()), None), token()),
        ] {
            assert_eq!(HubConfig::from(&global, environment).unwrap_err().exit_status(), 2);
        }
    }
}
