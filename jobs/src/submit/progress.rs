//! What a person sees of a running job, on stderr: one bar per running stage on a terminal, one line per stage elsewhere.

use super::{amounts, limits};
use crate::model::{JobState, JobView, StageId, StageState, StageView};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{IsTerminal, Write, stderr},
    time::Duration,
};

const BAR: &str = "  {prefix:24!} {bar:28} {pos}/{len}  {msg}";

/// Follows one job. Views may come late, twice or with gaps.
pub struct Progress {
    screen: Screen,
    started: BTreeSet<StageId>,
    done: BTreeSet<StageId>,
    away: bool,
}

enum Screen {
    Bars { all: MultiProgress, stages: BTreeMap<StageId, ProgressBar>, notice: Option<ProgressBar> },
    Lines,
}

impl Progress {
    /// Bars if stderr is a terminal.
    pub fn on_stderr() -> Progress {
        let screen = if stderr().is_terminal() {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            Screen::Bars { all, stages: BTreeMap::new(), notice: None }
        } else {
            Screen::Lines
        };
        Progress { screen, started: BTreeSet::new(), done: BTreeSet::new(), away: false }
    }

    /// A line above the bars.
    pub fn say(&mut self, line: &str) {
        match &self.screen {
            Screen::Bars { all, .. } => {
                let _ = all.println(line);
            }
            Screen::Lines => {
                // Nobody may be reading any more; the job is not ended by that.
                let _ = writeln!(stderr(), "{line}");
            }
        }
    }

    /// The job as it is now.
    pub fn show(&mut self, view: &JobView) {
        self.master_is_back();
        for stage in &view.stages {
            self.show_stage(stage, view.summary.state);
        }
    }

    fn show_stage(&mut self, stage: &StageView, job: JobState) {
        match stage.state {
            StageState::Waiting => self.remove_bar(stage.id),
            StageState::Running => self.show_running(stage),
            StageState::Done => {
                self.remove_bar(stage.id);
                if self.done.insert(stage.id) {
                    self.say(&done_line(stage));
                }
            }
        }
        if job.is_final() {
            self.remove_bar(stage.id);
        }
    }

    fn show_running(&mut self, stage: &StageView) {
        // A finished stage whose output was lost runs again.
        self.done.remove(&stage.id);
        let first = self.started.insert(stage.id);
        match &mut self.screen {
            Screen::Bars { all, stages, .. } => {
                if !stages.contains_key(&stage.id) && stages.len() >= limits::STAGE_BARS_MAX {
                    return;
                }
                let bar = stages.entry(stage.id).or_insert_with(|| stage_bar(all, stage));
                bar.set_length(u64::from(stage.tasks));
                bar.set_position(u64::from(stage.done));
                bar.set_message(running_text(stage));
            }
            Screen::Lines if first => {
                let tasks = amounts::counted(u64::from(stage.tasks), "task");
                self.say(&format!("stage {} ({}): {tasks}", stage.id, stage.name));
            }
            Screen::Lines => {}
        }
    }

    fn remove_bar(&mut self, stage: StageId) {
        if let Screen::Bars { stages, .. } = &mut self.screen
            && let Some(bar) = stages.remove(&stage)
        {
            bar.finish_and_clear();
        }
    }

    /// The master does not answer. Told once per absence.
    pub fn master_is_away(&mut self, reason: &str) {
        if self.away {
            return;
        }
        self.away = true;
        let text = format!("waiting for the master… ({reason})");
        match &mut self.screen {
            Screen::Bars { all, notice, .. } => {
                let spinner = all.add(ProgressBar::new_spinner().with_message(text));
                spinner.enable_steady_tick(Duration::from_millis(200));
                *notice = Some(spinner);
            }
            Screen::Lines => self.say(&text),
        }
    }

    fn master_is_back(&mut self) {
        if !std::mem::take(&mut self.away) {
            return;
        }
        if let Screen::Bars { notice, .. } = &mut self.screen
            && let Some(spinner) = notice.take()
        {
            spinner.finish_and_clear();
        }
        self.say("the master is back");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Screen::Bars { all, .. } = &self.screen {
            let _ = all.clear();
        }
    }
}

fn stage_bar(all: &MultiProgress, stage: &StageView) -> ProgressBar {
    let bar = all.add(ProgressBar::new(u64::from(stage.tasks)));
    if let Ok(style) = ProgressStyle::with_template(BAR) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.set_prefix(format!("{} {}", stage.id, stage.name));
    bar
}

fn running_text(stage: &StageView) -> String {
    let mut text = format!("{} running", stage.running);
    if stage.input_bytes > 0 {
        text.push_str(&format!(", {} read", amounts::bytes(stage.input_bytes)));
    }
    if stage.input_records > 0 {
        text.push_str(&format!(", {}", amounts::counted(stage.input_records, "record")));
    }
    text
}

fn done_line(stage: &StageView) -> String {
    let mut line = format!(
        "stage {} ({}): done, {}",
        stage.id,
        stage.name,
        amounts::counted(u64::from(stage.tasks), "task")
    );
    let sizes = [
        (stage.input_bytes, "in"),
        (stage.shuffle_bytes, "shuffled"),
        (stage.output_bytes, "out"),
        (stage.spilled_bytes, "spilled"),
    ];
    for (size, what) in sizes.into_iter().filter(|(size, _)| *size > 0) {
        line.push_str(&format!(", {} {what}", amounts::bytes(size)));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(state: StageState) -> StageView {
        StageView {
            id: StageId(1),
            name: "reduce".to_owned(),
            state,
            tasks: 4,
            done: 1,
            running: 2,
            input_bytes: 5 << 20,
            input_records: 1200,
            output_bytes: 0,
            output_records: 0,
            shuffle_bytes: 2048,
            spilled_bytes: 0,
            task_time_ms: 0,
        }
    }

    #[test]
    fn a_stage_is_told_in_one_line() {
        assert_eq!(
            done_line(&stage(StageState::Done)),
            "stage 1 (reduce): done, 4 tasks, 5.0 MiB in, 2.0 KiB shuffled"
        );
        assert_eq!(running_text(&stage(StageState::Running)), "2 running, 5.0 MiB read, 1,200 records");
    }

    #[test]
    fn a_stage_that_runs_again_is_told_again_when_it_is_done() {
        let mut progress =
            Progress { screen: Screen::Lines, started: BTreeSet::new(), done: BTreeSet::new(), away: false };
        progress.show_stage(&stage(StageState::Done), JobState::Running);
        assert!(progress.done.contains(&StageId(1)));
        progress.show_stage(&stage(StageState::Running), JobState::Running);
        assert!(!progress.done.contains(&StageId(1)));
    }
}
