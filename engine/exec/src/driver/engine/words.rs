//! What people say to the engine that drives a run.

use firedrill_run::Event;

use super::super::DriveError;
use super::Driver;
use crate::people::{self, Word};
use crate::secrets::mask_word;

impl Driver<'_> {
    /// Records what somebody says, if it means something as the run stands.
    pub(super) fn word(&mut self, mut word: Word) -> Result<(), DriveError> {
        mask_word(&mut word.event, self.world.vault());
        people::bind(&self.known(), &mut word.event);
        let checked = people::check(&self.known(), &word.event);
        let said = word.event.clone();
        if checked.is_ok() {
            self.record(word.event)?;
        }
        match (checked, word.ear) {
            (Ok(()), Some(ear)) => self.undurable.ears.push_back((self.undurable.last, ear)),
            (Err(why), Some(ear)) => ear.tell(Err(why)),
            (Err(why), None) if self.is_asked(&said) => {
                return Err(DriveError::Rehearsal(format!("what people answer is refused: {why}")));
            }
            (_, None) => {}
        }
        Ok(())
    }

    /// Returns whether people are asked what somebody answers.
    fn is_asked(&self, said: &Event) -> bool {
        let Event::Answered { command, .. } = said else { return false };
        self.run.waiting_for().iter().any(|question| question.command == *command)
    }
}
