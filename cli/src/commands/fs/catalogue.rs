//! Every command of `skep fs`: its names, what it takes, what it does. `-help`, `-usage` and the dispatch are made from
//! this one table.

use super::words::Takes;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    AppendToFile,
    Cat,
    Checksum,
    Chgrp,
    Chmod,
    Chown,
    Count,
    Cp,
    Df,
    Du,
    Find,
    Get,
    Getmerge,
    Head,
    Help,
    Ls,
    Mkdir,
    MoveFromLocal,
    MoveToLocal,
    Mv,
    Put,
    Rm,
    Rmdir,
    Setrep,
    Stat,
    Tail,
    Test,
    Text,
    Touch,
    Touchz,
    Usage,
}

pub struct Command {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub run: Run,
    pub takes: Takes,
    /// What follows the name.
    pub usage: &'static str,
    pub help: &'static str,
}

const MANY: usize = usize::MAX;

macro_rules! commands {
    ($($run:ident $name:literal $([$($alias:literal),*])?: $takes:expr, $usage:literal, $help:literal;)*) => {
        &[$(Command {
            name: $name,
            aliases: &[$($($alias),*)?],
            run: Run::$run,
            takes: $takes,
            usage: $usage,
            help: $help,
        }),*]
    };
}

/// In the order of `-help`.
pub const COMMANDS: &[Command] = commands! {
    AppendToFile "appendToFile": Takes::paths(&[], 2, MANY), "<localsrc> ... <dst>",
        "Not supported: files are written once.";
    Cat "cat": Takes::paths(&[], 1, MANY), "<src> ...",
        "Print the contents of files.";
    Checksum "checksum": Takes::paths(&[], 1, MANY), "<src> ...",
        "Print the CRC32C of whole files, combined from their blocks. The same bytes give the same sum, whatever the block size.";
    Chgrp "chgrp": Takes::paths(&["R"], 2, MANY), "[-R] GROUP PATH...",
        "Change the group. -R: of everything below too.";
    Chmod "chmod": Takes::paths(&["R"], 2, MANY), "[-R] <MODE[,MODE]... | OCTALMODE> PATH...",
        "Change permissions, as chmod does. They are kept and shown, and not enforced. -R: of everything below too.";
    Chown "chown": Takes::paths(&["R"], 2, MANY), "[-R] [OWNER][:[GROUP]] PATH...",
        "Change owner and group. -R: of everything below too.";
    Put "copyFromLocal": Takes::paths(&["f", "p", "d"], 2, MANY), "[-f] [-p] [-d] <localsrc> ... <dst>",
        "The same as -put.";
    Get "copyToLocal": Takes::paths(&["f", "p"], 1, MANY), "[-f] [-p] <src> ... <localdst>",
        "The same as -get.";
    Count "count": Takes::paths(&["q", "h", "v"], 1, MANY), "[-q] [-h] [-v] <path> ...",
        "Count directories, files and bytes: DIR_COUNT FILE_COUNT CONTENT_SIZE PATHNAME. -q: quotas in front (there are none). -h: sizes for people. -v: a head line.";
    Cp "cp": Takes::paths(&["f", "p", "d"], 2, MANY), "[-f] [-p] [-d] <src> ... <dst>",
        "Copy files and directories. -f: replace files that are there. -p: keep mode, owner and times. -d: write under the final name at once.";
    Df "df": Takes::paths(&["h"], 0, MANY), "[-h] [<path> ...]",
        "Room of the cluster (or of the store that a path is in). -h: sizes for people.";
    Du "du": Takes::paths(&["s", "h", "v", "x"], 0, MANY), "[-s] [-h] [-v] [-x] <path> ...",
        "Bytes, bytes with all replicas, path; one line per child of a directory. -s: one line in all. -h: sizes for people. -v: a head line. -x: without snapshots (there are none).";
    Find "find": Takes { flags: &[], valued: &[], min: 0, max: MANY, raw: true }, "<path> ... <expression> ...",
        "Print what lies at and below the paths and passes all tests: -name PATTERN, -iname PATTERN (letters of either case). -print: one per line (as without it); -print0: ended by NUL.";
    Get "get": Takes::paths(&["f", "p"], 1, MANY), "[-f] [-p] <src> ... <localdst>",
        "Copy to this machine. Without <localdst>: to the working directory. -f: replace files that are there. -p: keep mode and times.";
    Getmerge "getmerge": Takes::paths(&["nl", "skip-empty-file"], 2, MANY), "[-nl] [-skip-empty-file] <src> ... <localdst>",
        "Join files (of directories: those directly in them, in name order) to one local file. -nl: a newline after each. -skip-empty-file: none after empty ones.";
    Head "head": Takes::paths(&[], 1, MANY), "<file> ...",
        "Print the first kilobyte.";
    Help "help": Takes::paths(&[], 0, MANY), "[cmd ...]",
        "Say what commands do.";
    Ls "ls" ["list"]: Takes::paths(&["C", "d", "h", "q", "R", "t", "S", "r", "u"], 0, MANY), "[-C] [-d] [-h] [-q] [-R] [-t] [-S] [-r] [-u] [<path> ...]",
        "List what is there: permissions, replicas, owner, group, size, date, time, path. -C: paths only. -d: directories themselves. -h: sizes for people. -q: ? for letters that cannot be printed. -R: everything below. -t: newest first. -S: largest first. -r: the other way round. -u: times of access.";
    Mkdir "mkdir": Takes::paths(&["p"], 1, MANY), "[-p] <path> ...",
        "Make directories. -p: with their parents, and fine if they are there.";
    MoveFromLocal "moveFromLocal": Takes::paths(&["f", "p", "d"], 2, MANY), "[-f] [-p] [-d] <localsrc> ... <dst>",
        "The same as -put, and the sources are removed when they are stored.";
    MoveToLocal "moveToLocal": Takes::paths(&["f", "p"], 1, MANY), "[-f] [-p] <src> ... <localdst>",
        "The same as -get, and the sources are removed when they are copied.";
    Mv "mv": Takes::paths(&[], 2, MANY), "<src> ... <dst>",
        "Move within a store. Several sources need a directory.";
    Put "put": Takes::paths(&["f", "p", "d"], 2, MANY), "[-f] [-p] [-d] <localsrc> ... <dst>",
        "Copy files and directories of this machine; - is standard input. -f: replace files that are there. -p: keep mode, owner and times. -d: write under the final name at once.";
    Rm "rm": Takes::paths(&["f", "r", "R", "skipTrash", "safely"], 1, MANY), "[-f] [-r|-R] [-skipTrash] [-safely] <src> ...",
        "Delete; there is no trash. -f: what is not there is fine. -r: directories too. -safely: ask above 100 files.";
    Rmdir "rmdir": Takes::paths(&["-ignore-fail-on-non-empty"], 1, MANY), "[--ignore-fail-on-non-empty] <dir> ...",
        "Remove empty directories.";
    Setrep "setrep": Takes::paths(&["R", "w"], 2, MANY), "[-R] [-w] <rep> <path> ...",
        "Set how many replicas files have; of a directory: all files below it. -w: wait until it is so.";
    Stat "stat": Takes::paths(&[], 1, MANY), "[format] <path> ...",
        "Print what is known: %a mode (octal) %A mode (letters) %b bytes %F kind %g group %n name %o block size %r replicas %u owner %x %X last access %y %Y last change (date; milliseconds). Without a format: %y.";
    Tail "tail": Takes::paths(&["f"], 1, MANY), "[-f] <file> ...",
        "Print the last kilobyte. -f: and what comes after it.";
    Test "test": Takes::paths(&["d", "e", "f", "s", "w", "r", "z"], 1, 1), "-[defswrz] <path>",
        "Answer by the exit code, 0 is yes: -d a directory, -e there, -f a file, -s not empty, -w writable, -r readable, -z empty.";
    Text "text": Takes::paths(&[], 1, MANY), "<src> ...",
        "Print files, gzip and zstd ones unpacked.";
    Touch "touch": Takes { flags: &["a", "m", "c"], valued: &["t"], min: 1, max: MANY, raw: false }, "[-a] [-m] [-t TIMESTAMP (yyyyMMdd:HHmmss)] [-c] <path> ...",
        "Set times to now; an empty file where nothing is. -a: of access only. -m: of change only. -t: to this time. -c: make no file.";
    Touchz "touchz": Takes::paths(&[], 1, MANY), "<path> ...",
        "Make empty files. One that is there must be empty.";
    Usage "usage": Takes::paths(&[], 0, MANY), "[cmd ...]",
        "Say what commands take.";
};

/// Commands of `hdfs dfs` that this storage has no use or no way for.
pub const NOT_HERE: &[(&str, &str)] = &[
    ("concat", "files are written once; a directory of files is read as one"),
    ("createSnapshot", "there are no snapshots"),
    ("deleteSnapshot", "there are no snapshots"),
    ("renameSnapshot", "there are no snapshots"),
    ("dus", "use -du -s"),
    ("expunge", "there is no trash"),
    ("getfacl", "there are no access control lists; -ls shows the modes"),
    ("setfacl", "there are no access control lists; use -chmod"),
    ("getfattr", "there are no extended attributes"),
    ("setfattr", "there are no extended attributes"),
    ("lsr", "use -ls -R"),
    ("rmr", "use -rm -r"),
    ("truncate", "files are written once"),
];

/// By name, with or without the `-` in front.
pub fn find(name: &str) -> Option<&'static Command> {
    let name = name.strip_prefix('-').unwrap_or(name);
    COMMANDS.iter().find(|command| command.name == name || command.aliases.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_means_one_command() {
        let mut seen = BTreeSet::new();
        for command in COMMANDS {
            for name in std::iter::once(&command.name).chain(command.aliases) {
                assert!(seen.insert(*name), "{name} twice");
                assert!(!NOT_HERE.iter().any(|(missing, _)| missing == name), "{name}");
            }
        }
        assert!(COMMANDS.is_sorted_by_key(|command| command.name.to_lowercase()));
    }

    #[test]
    fn every_option_is_in_the_usage_and_told_about() {
        for command in COMMANDS {
            for flag in command.takes.flags.iter().chain(command.takes.valued) {
                let shown =
                    command.usage.contains(&format!("-{flag}")) || command.usage.contains("-[defswrz]");
                assert!(shown, "-{} -{flag}", command.name);
                let told = command.help.contains(&format!("-{flag}"))
                    || command.help.starts_with("The same as")
                    || ["skipTrash", "-ignore-fail-on-non-empty", "R"].contains(flag);
                assert!(told, "-{} -{flag}", command.name);
            }
        }
    }

    #[test]
    fn both_spellings_find_a_command() {
        assert_eq!(find("ls").unwrap().run, Run::Ls);
        assert_eq!(find("-ls").unwrap().run, Run::Ls);
        assert_eq!(find("-copyFromLocal").unwrap().run, Run::Put);
        assert!(find("--ls").is_none() && find("frob").is_none());
    }
}
