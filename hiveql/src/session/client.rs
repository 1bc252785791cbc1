//! Client commands: SET and RESET, resources, `dfs`, `!`, SOURCE, QUIT.

use super::{Answer, Session, SessionError, dfs};
use crate::syntax::command::{Command, ResourceKind};
use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use std::path::{Path, PathBuf};
use tokio::io::AsyncWriteExt;

/// Files that scripts and functions of this session use, as ADD made them known.
#[derive(Debug, Default)]
pub(super) struct Resources {
    files: Vec<(ResourceKind, PathBuf)>,
}

impl Resources {
    fn add(&mut self, kind: ResourceKind, path: PathBuf) {
        if !self.files.contains(&(kind, path.clone())) {
            self.files.push((kind, path));
        }
    }

    fn of(&self, kind: ResourceKind) -> impl Iterator<Item = &Path> {
        self.files.iter().filter(move |(found, _)| *found == kind).map(|(_, path)| path.as_path())
    }

    /// Of all kinds: what a script finds in its working directory.
    pub fn all(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| path.as_path())
    }

    fn remove(&mut self, kind: ResourceKind, paths: &[String]) {
        self.files.retain(|(found, path)| {
            *found != kind
                || !(paths.is_empty() || paths.iter().any(|wanted| path.ends_with(Path::new(wanted))))
        });
    }
}

impl Session {
    pub(super) async fn command(&mut self, command: Command) -> Result<Answer, SessionError> {
        match command {
            Command::SetList => Ok(listed(self.settings.changed())),
            Command::SetListAll => {
                let all = self.settings.all();
                Ok(listed(all.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
            }
            Command::SetShow(name) => {
                let line = match self.settings.value(&name) {
                    Some(value) => format!("{name}={value}"),
                    None => format!("{name} is undefined"),
                };
                Ok(Answer::Text(vec![line]))
            }
            Command::Set { key, value } => {
                self.settings.set_prefixed(&key, &value)?;
                Ok(Answer::done())
            }
            Command::Reset { keys } if keys.is_empty() => {
                self.settings.reset();
                Ok(Answer::done())
            }
            Command::Reset { keys } => {
                keys.iter().for_each(|key| self.settings.reset_key(key));
                Ok(Answer::done())
            }
            Command::AddResource { kind, paths } => self.add_resources(kind, &paths).await,
            Command::ListResources { kind, paths } => {
                let shown = |path: &Path| {
                    paths.is_empty() || paths.iter().any(|wanted| path.ends_with(Path::new(wanted)))
                };
                let found = self.resources.of(kind).filter(|path| shown(path));
                Ok(Answer::Text(found.map(|path| path.display().to_string()).collect()))
            }
            Command::DeleteResources { kind, paths } => {
                self.resources.remove(kind, &paths);
                Ok(Answer::done())
            }
            Command::Dfs(words) => Ok(Answer::Text(dfs::run(self.stores.as_ref(), &words).await?)),
            Command::Shell(command) => Ok(Answer::Shell(command)),
            Command::Source(path) => Ok(Answer::Source(path)),
            Command::Quit => Ok(Answer::Quit),
            Command::Statement => Ok(Answer::done()),
        }
    }

    async fn add_resources(&mut self, kind: ResourceKind, paths: &[String]) -> Result<Answer, SessionError> {
        let mut notes = Vec::with_capacity(paths.len());
        for path in paths {
            let is_stored = path.contains("://") && !path.starts_with("file:");
            let absolute = match is_stored {
                true => self.fetched(path).await?,
                false => {
                    let local = super::stores::local_path(path).unwrap_or(path);
                    std::path::absolute(local).unwrap_or_else(|_| PathBuf::from(local))
                }
            };
            if !absolute.exists() {
                return Err(SessionError::new(format!("{path} does not exist")));
            }
            notes.push(format!("Added resources: [{path}]"));
            self.resources.add(kind, absolute);
        }
        Ok(Answer::Done { notes })
    }

    /// A file of a store, copied to where scripts find it.
    async fn fetched(&self, location: &str) -> Result<PathBuf, SessionError> {
        let failed =
            |error: &dyn std::fmt::Display| SessionError::new(format!("{location} cannot be added: {error}"));
        let (store, path) = self.stores.resolve(location).map_err(|error| failed(&error))?;
        let name = path.filename().ok_or_else(|| failed(&"it names no file"))?;
        // Files of one name from several places are several files.
        let place = path.as_ref().len() - name.len();
        let folder = self.scratch.path().join("resources").join(&path.as_ref()[..place]);
        tokio::fs::create_dir_all(&folder).await.map_err(|error| failed(&error))?;
        let copy = folder.join(name);
        let mut bytes = store.get(&path).await.map_err(|error| failed(&error))?.into_stream();
        let mut file = tokio::fs::File::create(&copy).await.map_err(|error| failed(&error))?;
        while let Some(piece) = bytes.try_next().await.map_err(|error| failed(&error))? {
            file.write_all(&piece).await.map_err(|error| failed(&error))?;
        }
        file.flush().await.map_err(|error| failed(&error))?;
        Ok(copy)
    }
}

fn listed<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> Answer {
    Answer::Text(values.map(|(key, value)| format!("{key}={value}")).collect())
}
