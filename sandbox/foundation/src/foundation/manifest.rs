//! Manifests: how a deployment is written down, and what a deploy takes from one.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Deserialize;

use crate::clock::Moment;

use super::deed::Done;
use super::{Deployment, Foundation, Instance, InstanceId, JobState, ProcessState, uuid};

/// What a deploy takes from a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct Manifest {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) instance_groups: Vec<ManifestGroup>,
}

/// An instance group of a manifest.
#[derive(Debug, Deserialize)]
pub(crate) struct ManifestGroup {
    pub(crate) name: String,
    /// How many; `None` is as many as there are.
    pub(crate) instances: Option<u32>,
}

impl Manifest {
    /// Reads a manifest; the error is what the client says.
    pub(crate) fn read(text: &str) -> Result<Manifest, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

impl Deployment {
    /// Returns the manifest that was deployed last.
    pub(crate) fn manifest(&self) -> String {
        self.manifest.clone().unwrap_or_else(|| self.render())
    }

    fn render(&self) -> String {
        let mut text = format!("name: {}\nreleases:\n", self.name);
        for release in &self.releases {
            let (name, version) = release.split_once('/').unwrap_or((release, "latest"));
            add(&mut text, &format!("- {{name: {name}, version: \"{version}\"}}"));
        }
        add(&mut text, "stemcells:");
        for stemcell in &self.stemcells {
            let version = stemcell.rsplit('/').next().unwrap_or_default();
            add(&mut text, &format!("- {{alias: default, os: ubuntu-jammy, version: \"{version}\"}}"));
        }
        add(
            &mut text,
            "update: {canaries: 1, max_in_flight: 1, canary_watch_time: 30000-300000, update_watch_time: 30000-300000}",
        );
        add(&mut text, "instance_groups:");
        for group in self.groups() {
            self.render_group(group, &mut text);
        }
        text
    }

    fn render_group(&self, group: &str, text: &mut String) {
        let members: Vec<&Instance> = self.group(group).collect();
        let azs: BTreeSet<&str> = members.iter().map(|instance| instance.az.as_str()).collect();
        let azs: Vec<&str> = azs.into_iter().collect();
        let Some(first) = members.first() else { return };
        add(text, &format!("- name: {group}\n  instances: {}\n  azs: [{}]", members.len(), azs.join(", ")));
        add(text, &format!("  vm_type: {}\n  stemcell: default\n  networks: [{{name: default}}]", first.vm_type));
        if let Some(size_mb) = first.disk_mb {
            add(text, &format!("  persistent_disk_type: \"{size_mb}\""));
        }
        add(text, "  jobs:");
        for job in &first.jobs {
            add(
                text,
                &format!("  - {{name: {job}, release: {}}}", self.releases[0].split('/').next().unwrap_or_default()),
            );
        }
    }

    /// Returns the names of its groups, in the order of the manifest.
    pub(crate) fn groups(&self) -> Vec<&str> {
        let mut groups: Vec<&str> = Vec::new();
        for instance in &self.instances {
            if !groups.contains(&instance.group.as_str()) {
                groups.push(&instance.group);
            }
        }
        groups
    }
}

fn add(text: &mut String, line: &str) {
    writeln!(text, "{line}").expect("text takes every line");
}

impl Foundation {
    /// Makes a manifest that of its deployment: groups grow, shrink and go away.
    pub(crate) fn reshape(&mut self, deployment: &str, text: &str, at: Moment) -> Done {
        let manifest = Manifest::read(text)?;
        let now =
            self.deployment(deployment).ok_or_else(|| format!("Deployment '{deployment}' doesn't exist"))?.clone();
        let groups = now.groups();
        if let Some(unknown) = manifest.instance_groups.iter().find(|group| !groups.contains(&group.name.as_str())) {
            return Err(format!("Instance group '{}' is not known to the sandbox", unknown.name));
        }
        for group in groups {
            let wanted = manifest.instance_groups.iter().find(|wanted| wanted.name == group);
            let has = now.group(group).count();
            let count = wanted.map_or(0, |wanted| wanted.instances.map_or(has, |count| count as usize));
            for instance in now.group(group).skip(count) {
                self.remove_instance(&instance.id, at);
            }
            for index in has..count {
                self.add_instance(deployment, group, index);
            }
        }
        let changed = self.deployments.iter_mut().find(|known| known.name == deployment);
        changed.expect("it was found before").manifest = Some(text.to_owned());
        Ok(None)
    }

    fn remove_instance(&mut self, id: &InstanceId, at: Moment) {
        let Some(instance) = self.instance_mut(id).cloned() else { return };
        if let Some(disk) = &instance.disk {
            self.forsake(id, disk, at);
        }
        for deployment in &mut self.deployments {
            deployment.instances.retain(|other| other.id != *id);
        }
    }

    /// Adds a member to a group, which gets its VM and its disk when it is updated.
    fn add_instance(&mut self, deployment: &str, group: &str, index: usize) {
        let id = InstanceId(uuid(&format!("{}/{deployment}/{group}/{index}/instance", self.seed)));
        let Some(owner) = self.deployments.iter_mut().find(|known| known.name == deployment) else { return };
        let Some(position) = owner.instances.iter().rposition(|instance| instance.group == group) else { return };
        let model = &owner.instances[position];
        let octet = 10 + owner.instances.len();
        let subnet = model.ip.rsplit_once('.').map_or("10.0.4", |(subnet, _)| subnet);
        let mut added = Instance {
            id,
            index: u32::try_from(index).unwrap_or(u32::MAX),
            az: format!("az{}", index % 3 + 1),
            ip: format!("{subnet}.{octet}"),
            state: JobState::Started,
            vm: None,
            disk: None,
            is_ignored: false,
            ..model.clone()
        };
        added.set_processes(ProcessState::Stopped);
        owner.instances.insert(position + 1, added);
    }
}
