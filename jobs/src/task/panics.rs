//! Which attempt a panic belongs to, and where in the code it happened: the hook notes both, because whoever catches the
//! panic sees its payload only.

use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe, PanicHookInfo},
};

thread_local! {
    static RUNNING: RefCell<Option<String>> = const { RefCell::new(None) };
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Prints a panic as one line of the attempt it happened in. Replaces the hook that prints without saying which.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let message = describe(info);
        let attempt =
            RUNNING.with_borrow(|running| running.clone().unwrap_or_else(|| "task process".to_owned()));
        eprintln!("{attempt}: {message}");
        LAST.set(Some(message));
    }));
}

fn describe(info: &PanicHookInfo<'_>) -> String {
    let text = text_of(info.payload());
    match info.location() {
        Some(place) => format!("panicked at {}:{}: {text}", place.file(), place.line()),
        None => format!("panicked: {text}"),
    }
}

fn text_of(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("(no message)")
}

/// Runs code of the user's for the attempt `name`; a panic becomes its message with the place.
pub(super) fn catch<T>(name: &str, run: impl FnOnce() -> T) -> Result<T, String> {
    RUNNING.set(Some(name.to_owned()));
    LAST.set(None);
    let result = panic::catch_unwind(AssertUnwindSafe(run));
    RUNNING.set(None);
    result.map_err(|payload| LAST.take().unwrap_or_else(|| format!("panicked: {}", text_of(&*payload))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message_and_the_next_run_knows_nothing_of_it() {
        let message = catch("job-1/0.0.0.0", || panic!("no {}", "luck")).unwrap_err();
        assert!(message.contains("no luck"), "{message}");
        assert_eq!(catch("job-1/0.0.0.1", || 7), Ok(7));
    }
}
