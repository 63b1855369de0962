//! The hermes-agent gateway as an [`Image`] of [testcontainers], for anybody's Rust tests.
//!
//! [`GatewayImage`] says what to run: an image, the profiles and files on its volume, and that it is ready once the boot
//! reconciler has decided about every profile. [`start`] runs it; the container is removed when its handle is dropped.
//!
//! Does a gateway that the operator wants up come back after `docker restart`?
//!
//! ```no_run
//! use comeback_testcontainers::{GatewayImage, boot_lines, start};
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let image = GatewayImage::build("release:0.17.0").await?;
//!     let gateway = start(image.with_desired_state("default", "running")).await?;
//!     assert_eq!(boot_lines(&gateway).await?[0].action, "started");
//!
//!     gateway.stop().await?;
//!     gateway.start().await?;
//!     while boot_lines(&gateway).await?.len() < 2 {
//!         tokio::time::sleep(std::time::Duration::from_millis(100)).await;
//!     }
//!     assert_eq!(boot_lines(&gateway).await?[1].prior_state.as_deref(), Some("running"));
//!     Ok(())
//! }
//! ```
//!
//! All of [`ImageExt`] applies: another command, labels, mounts, a network. testcontainers is re-exported, in the version whose
//! `Image` this is. It finds the engine by `DOCKER_HOST`.

mod image;
mod read;

pub use comeback_engine::{start, testcontainers};
pub use comeback_gateway::boot_line::BootLine;
pub use comeback_image::ImageError;

pub use image::GatewayImage;
pub use read::{boot_lines, state};

#[cfg(doc)]
use testcontainers::{Image, ImageExt};
