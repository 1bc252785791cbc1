//! `!command`: a command of the user's own machine, run by the client.

use super::SessionError;
use tokio::process::Command;

/// Its standard output, line by line; what it writes to standard error goes there at once.
pub async fn run(command: &str) -> Result<Vec<String>, SessionError> {
    let failed = |reason: String| SessionError::new(format!("the command `{command}` failed: {reason}"));
    let output = Command::new("/bin/sh")
        .args(["-c", command])
        .stderr(std::process::Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}
