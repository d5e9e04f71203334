//! What Ops Manager tells of its products: manifests, credentials, and the API as it is.

use serde_json::{Value, json};

use crate::director::Director;
use crate::foundation::{Deployment, Foundation};
use crate::opsman::{OpsManager, Product};
use crate::out;
use crate::world::{World, WorldError};

use super::{installation, pretty};

/// Prints the manifest of a product.
pub(super) fn manifest(world: &World, opsman: &OpsManager, name: &str) -> Result<Result<(), String>, WorldError> {
    let foundation = world.foundation()?;
    let Some(product) = opsman.products.iter().find(|product| product.name == name) else {
        return Ok(Err(format!("could not find given product: {name}")));
    };
    let Some(deployment) = deployment_of(&foundation, product) else {
        return Ok(Err(format!("no manifest is known for product {name}")));
    };
    out(&deployment.manifest());
    Ok(Ok(()))
}

/// Returns the deployment whose name begins with that of a product.
fn deployment_of<'f>(foundation: &'f Foundation, product: &Product) -> Option<&'f Deployment> {
    foundation.deployments.iter().find(|deployment| deployment.name.starts_with(&format!("{}-", product.name)))
}

/// Prints a credential of a product.
pub(super) fn credentials(
    world: &World,
    opsman: &OpsManager,
    product: &str,
    reference: &str,
) -> Result<Result<(), String>, WorldError> {
    if !opsman.products.iter().any(|known| known.name == product) {
        return Ok(Err(format!("failed to fetch credential: could not find product with name {product}")));
    }
    let director: Director = world.read()?;
    let (identity, secret) = credential(&director, reference);
    out(&pretty(&json!({"identity": identity, "password": secret})));
    Ok(Ok(()))
}

fn credential(director: &Director, reference: &str) -> (String, String) {
    match reference {
        ".uaa.admin_credentials" => (crate::platform::USER.into(), crate::platform::PASSWORD.into()),
        _ => (director.client.clone(), director.client_secret.clone()),
    }
}

/// Prints what the API answers to a GET.
pub(super) fn curl(world: &World, opsman: &OpsManager, path: &str) -> Result<Result<(), String>, WorldError> {
    let director: Director = world.read()?;
    let path = path.split('?').next().unwrap_or_default();
    let words: Vec<&str> = path.trim_matches('/').split('/').collect();
    let answer = match words.as_slice() {
        ["api", "v0", "deployed", "products"] => products(world, opsman)?,
        ["api", "v0", "staged", "pending_changes"] => {
            json!({"product_changes": opsman.products.iter().map(super::change).collect::<Vec<_>>()})
        }
        ["api", "v0", "installations"] => {
            json!({"installations": opsman.installations.iter().map(installation).collect::<Vec<_>>()})
        }
        ["api", "v0", "deployed", "director", "credentials", "bbr_ssh_credentials"] => {
            let key = std::fs::read_to_string(world.key());
            let key = key.map_err(|source| WorldError::io("read", &world.key(), source))?;
            json!({"credential": {"type": "rsa_pkey_credentials", "value": {"private_key_pem": key}}})
        }
        ["api", "v0", "deployed", "director", "credentials", "bosh_commandline_credentials"] => {
            let Director { client, client_secret, host, .. } = director;
            let line = format!("BOSH_CLIENT={client} BOSH_CLIENT_SECRET={client_secret} BOSH_ENVIRONMENT={host} bosh ");
            json!({"credential": line})
        }
        ["api", "v0", "deployed", "products", _, "credentials", reference] => {
            let (identity, secret) = credential(&director, reference);
            json!({"credential": {"type": "simple_credentials", "value": {"identity": identity, "password": secret}}})
        }
        _ => {
            return Ok(Err(
                "could not make api request to Ops Manager: request failed: unexpected response: 404".into()
            ));
        }
    };
    out(&pretty(&answer));
    Ok(Ok(()))
}

/// Products go by the names of their deployments there.
fn products(world: &World, opsman: &OpsManager) -> Result<Value, WorldError> {
    let foundation = world.foundation()?;
    let row = |product: &Product| {
        let guid = deployment_of(&foundation, product).map_or(&product.guid, |deployment| &deployment.name);
        json!({"installation_name": guid, "guid": guid, "type": product.name, "product_version": product.deployed})
    };
    Ok(Value::Array(opsman.products.iter().map(row).collect()))
}
