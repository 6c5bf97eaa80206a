//! The in-memory API server as a program of its own: `cargo run -p skiff-sim --example api-server -- 127.0.0.1:8001`,
//! then `kubectl --server http://127.0.0.1:8001 get all`.

use skiff_sim::{ApiServer, Controllers, Options};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the address is what the person asked for")]
async fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let server = ApiServer::new(Options { controllers: Some(Controllers::default()), ..Options::default() });
    let serving = server.serve(tokio::net::TcpListener::bind(address).await?)?;
    let _controllers = server.run_controllers(Duration::from_secs(1));
    println!("{}", serving.url());
    tokio::signal::ctrl_c().await
}
