//! `-help` and `-usage`.

use super::{
    catalogue::{self, COMMANDS, Command},
    error::FsError,
    shell::Shell,
};

const WIDTH: usize = 96;

pub fn usage_line(command: &Command) -> String {
    format!("Usage: skep fs [generic options] -{} {}", command.name, command.usage).trim_end().to_owned()
}

/// All commands in one list.
pub fn overview() -> String {
    let mut text = String::from("Usage: skep fs [generic options]\n");
    for command in COMMANDS {
        text.push_str(&format!("\t[-{} {}]\n", command.name, command.usage));
    }
    text.push_str(
        "\nPaths are the cluster's (/x, or x in /user/NAME), s3://BUCKET/KEY or file:///PATH; patterns \
         (* ? [a-z] {a,b}) are expanded.\nGeneric options: --master HOST:PORT, --secret FILE, -v,\n\
         -D dfs.replication=N and -D dfs.blocksize=SIZE for the files that the command makes.\n\
         The - in front of a command may be left out. `skep fs help COMMAND` says more.\n",
    );
    text
}

pub fn help_text(command: &Command) -> String {
    format!("-{} {} :\n{}", command.name, command.usage, wrapped(command.help))
}

fn wrapped(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from(" ");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            lines.push_str(&line);
            lines.push('\n');
            line = String::from(" ");
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}

pub fn help(shell: &Shell) -> Result<(), FsError> {
    about(shell, help_text)
}

pub fn usage(shell: &Shell) -> Result<(), FsError> {
    about(shell, usage_line)
}

fn about(shell: &Shell, text: fn(&Command) -> String) -> Result<(), FsError> {
    if shell.words.paths.is_empty() {
        return shell.write(overview().as_bytes());
    }
    for name in &shell.words.paths {
        match catalogue::find(name) {
            Some(command) => shell.line(&text(command))?,
            None => shell.fail(&FsError::told(name, "Unknown command")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_fits_a_terminal() {
        for command in COMMANDS {
            let text = help_text(command);
            assert!(text.lines().skip(1).all(|line| line.len() <= WIDTH), "{text}");
        }
    }

    #[test]
    fn the_overview_names_every_command() {
        let text = overview();
        assert!(COMMANDS.iter().all(|command| text.contains(&format!("[-{} ", command.name))));
    }
}
