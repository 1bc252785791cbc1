//! Panics of user code inside tasks: caught, with the place and the text, and told as the user's fault.

use super::fault::TaskFault;
use std::{
    cell::{Cell, RefCell},
    panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind},
    sync::Once,
};

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
    static CAUGHT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `work`; a panic in it becomes [`TaskFault::User`] with the file and line where it happened.
pub fn catch<T>(work: impl FnOnce() -> Result<T, TaskFault>) -> Result<T, TaskFault> {
    install_hook();
    CATCHING.set(true);
    // Nothing of what `work` touches is used after a panic: the attempt is over.
    let result = catch_unwind(AssertUnwindSafe(work));
    CATCHING.set(false);
    result.unwrap_or_else(|payload| {
        let text = CAUGHT.take().unwrap_or_else(|| message(payload.as_ref()).to_owned());
        Err(TaskFault::User(text))
    })
}

/// The hook remembers panics of threads that run a task and leaves all others to the hook before it.
fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if CATCHING.get() {
                let text = describe(info);
                // Also into the log of the task process, where the lines around it are.
                eprintln!("{text}");
                CAUGHT.replace(Some(text));
            } else {
                before(info);
            }
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = message(info.payload());
    match info.location() {
        Some(place) => format!("panicked at {}:{}: {text}", place.file(), place.line()),
        None => format!("panicked: {text}"),
    }
}

fn message(payload: &(dyn std::any::Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_fault_of_the_user_with_its_place() {
        let fault = catch::<()>(|| panic!("no luck with {}", 7)).unwrap_err();
        let text = fault.to_string();
        assert!(text.contains("panics.rs:") && text.ends_with(": no luck with 7"), "{text}");
        assert!(matches!(fault, TaskFault::User(_)));
    }
}
