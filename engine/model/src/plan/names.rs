//! What the names of steps mean inside of a plan: texts name the steps beside them, and those beside the groups around.

use super::{Plan, Step};

impl Plan {
    /// Returns the step that a name means in the texts of a step: itself, one beside it, or one beside a group around it.
    /// What a used playbook is surrounded by cannot be named inside of it.
    pub fn named(&self, name: &str, own: usize) -> Option<usize> {
        if own_name(&self.steps[own].id) == name {
            return Some(own);
        }
        self.named_in(name, self.steps[own].group)
    }

    /// Returns the blocks whose steps can be named in a block, from itself outwards.
    pub fn blocks_around(&self, block: Option<usize>) -> Vec<Option<usize>> {
        let mut blocks = Vec::new();
        let mut next = Some(block);
        while let Some(block) = next {
            let around = block.map(|group| &self.steps[group]);
            if around.is_none_or(is_block) {
                blocks.push(block);
            }
            let is_used = around.and_then(Step::as_group).is_some_and(|group| group.used.is_some());
            next = around.filter(|_| !is_used).map(|around| around.group);
        }
        blocks
    }

    /// Returns the step that a name means among the members of a group, or among the steps of the playbook itself.
    pub fn named_in(&self, name: &str, block: Option<usize>) -> Option<usize> {
        named_in(&self.steps, name, block)
    }
}

/// Returns the step that a name means in a block, `None` being the outermost one.
pub(crate) fn named_in(steps: &[Step], name: &str, block: Option<usize>) -> Option<usize> {
    let Some(group) = block else {
        return steps.iter().position(|step| step.group.is_none() && step.id == name);
    };
    let around = &steps[group];
    let found = is_block(around).then(|| member(steps, group, name)).flatten();
    if found.is_some() || around.as_group().is_some_and(|group| group.used.is_some()) {
        return found;
    }
    named_in(steps, name, around.group)
}

/// Returns whether members of a group have names of their own; instances have keys.
fn is_block(group: &Step) -> bool {
    group.as_group().is_some_and(|group| group.each.is_none())
}

fn member(steps: &[Step], group: usize, name: &str) -> Option<usize> {
    let path = path(&steps[group].id, name);
    let mut members = steps.iter().enumerate().skip(group + 1);
    members.find(|(_, step)| step.group == Some(group) && step.id == path).map(|(at, _)| at)
}

/// Returns the id of a member of a group; the group of a template's instance has none.
pub fn path(group: &str, member: &str) -> String {
    if group.is_empty() { member.to_owned() } else { format!("{group}/{member}") }
}

/// Returns the name that the playbook gives a step, without the groups around it and the key of an instance.
pub fn own_name(id: &str) -> &str {
    let last = id.rsplit('/').next().unwrap_or(id);
    last.split('[').next().unwrap_or(last)
}

/// Returns the id of an instance of a repetition: of its key, every byte of what is no letter, digit, `_`, `-` or `.`
/// becomes `%XX`.
pub fn instance_id(each: &str, key: &str) -> String {
    use std::fmt::Write as _;
    let mut id = format!("{each}[");
    for character in key.chars() {
        if character.is_alphanumeric() || matches!(character, '_' | '-' | '.') {
            id.push(character);
        } else {
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                write!(id, "%{byte:02X}").expect("writing to a String succeeds");
            }
        }
    }
    id + "]"
}

/// Returns the key of an instance of a repetition as it was before it became part of an id.
pub fn instance_key(id: &str) -> Option<String> {
    let key = id.strip_suffix(']')?.rsplit_once('[')?.1;
    let mut bytes = Vec::new();
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let plain = if byte == b'%' { digit(rest.next())? * 16 + digit(rest.next())? } else { u32::from(byte) };
        bytes.push(u8::try_from(plain).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_ids() {
        for key in ["a", "z-1_2", "cf/x y", "ä%[]", ""] {
            assert_eq!(instance_key(&instance_id("copy", key)).as_deref(), Some(key));
        }
        assert_eq!(instance_id("group/copy", "10.0.0.1/24"), "group/copy[10.0.0.1%2F24]");
        assert_eq!(instance_key("copy"), None);
    }

    #[test]
    fn the_name_of_a_step_is_the_end_of_its_id() {
        assert_eq!(own_name("copy"), "copy");
        assert_eq!(own_name("move[a]/copy"), "copy");
        assert_eq!(own_name("move/copy[a%2Fb]"), "copy");
    }
}
