//! `cresset sign`: the header that signs a request.

use super::api::credential;
use super::api::{SignArgs, target::Target};
use crate::system::SystemClock;
use cresset_model::Clock;

pub(crate) async fn run(args: &SignArgs) -> anyhow::Result<()> {
    let request = &args.request;
    let target = Target::parse("http://localhost", &request.path)?;
    let body = request.body()?;
    let credential = match credential::signing(&args.token)? {
        Some(found) => found,
        None => credential::of_data_dir(&args.token.user, &args.data).await?,
    };
    let epoch = args
        .epoch
        .unwrap_or_else(|| SystemClock.now().0.div_euclid(1000));
    let header = credential.header(&request.method, target.signed(), &body, epoch);
    println!("Authorization: {}", header.expose());
    Ok(())
}
