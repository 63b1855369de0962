//! What to run, and when it is ready.

use std::collections::BTreeSet;

use comeback_engine::testcontainers::core::WaitFor;
use comeback_engine::testcontainers::{CopyDataSource, CopyToContainer, Image};
use comeback_engine::{DockerEngine, split_reference};
use comeback_gateway::{DEFAULT_PROFILE, boot_line, files, state};
use comeback_image::{ImageError, ImageExpr, ObtainOptions, obtain};
use serde_json::{Value, json};

/// What the container runs beside its gateways. The container ends with it.
const COMMAND: [&str; 2] = ["sleep", "infinity"];
/// Without it a gateway tries to install packages before it serves, for 5 to 10 s.
const NO_INSTALLS: (&str, &str) = ("HERMES_DISABLE_LAZY_INSTALLS", "1");

/// A gateway image, with what is on the volume at its first boot.
///
/// It is ready when the boot reconciler has printed what it did with each profile. That a gateway *serves* is another fact: a
/// gateway that was started takes one or two seconds to write `running` into its state file ([`state`](crate::state)).
#[derive(Debug, Clone)]
pub struct GatewayImage {
    name: String,
    tag: String,
    profiles: BTreeSet<String>,
    seeds: Vec<CopyToContainer>,
}

impl GatewayImage {
    /// An image that the engine has or can pull, by its reference or id.
    ///
    /// ```
    /// use comeback_testcontainers::GatewayImage;
    /// use comeback_testcontainers::testcontainers::Image as _;
    ///
    /// let image = GatewayImage::new("registry.example/hermes-agent:0.22.0");
    /// assert_eq!((image.name(), image.tag()), ("registry.example/hermes-agent", "0.22.0"));
    /// ```
    pub fn new(reference: &str) -> Self {
        let (name, tag) = split_reference(reference);
        Self {
            name: name.to_owned(),
            tag: tag.to_owned(),
            profiles: BTreeSet::from([DEFAULT_PROFILE.to_owned()]),
            seeds: Vec::new(),
        }
    }

    /// An image by its expression: `release:0.17.0`, `source:PATH`, `docker:REFERENCE`, … It is built or pulled unless it is
    /// there already; a first build takes half a minute.
    ///
    /// # Errors
    /// The expression means nothing, no engine answers, or the image cannot be had.
    pub async fn build(expression: &str) -> Result<Self, ImageError> {
        let expression: ImageExpr = expression.parse()?;
        let engine = DockerEngine::connect(None).await?;
        let image = obtain(&engine, &expression, &ObtainOptions::default(), &|_| ()).await?;
        Ok(Self::new(&image.digest))
    }

    /// A profile beside the default one, with no state: its gateway was never started.
    ///
    /// # Panics
    /// If hermes-agent would not take the name for a profile's.
    pub fn with_profile(mut self, name: &str) -> Self {
        assert!(files::is_profile_name(name), "not a profile's name: {name:?}");
        if name != DEFAULT_PROFILE && self.profiles.insert(name.to_owned()) {
            let soul = format!("{}{}", files::home(name), files::SOUL);
            return self.with_seed(&soul, *b"# A profile of a test\n");
        }
        self
    }

    /// A profile's state file, as its last gateway left it. Adds the profile if need be.
    ///
    /// # Panics
    /// As [`Self::with_profile`].
    pub fn with_state(self, profile: &str, state: &Value) -> Self {
        let file = files::state_of(profile);
        self.with_profile(profile).with_seed(&file, state.to_string())
    }

    /// A profile's state file of an operator who wants the gateway up (`running`) or down (`stopped`), and got it.
    ///
    /// # Panics
    /// If it is another word; and as [`Self::with_profile`].
    pub fn with_desired_state(self, profile: &str, desired: &str) -> Self {
        assert!(state::DESIRED.contains(&desired), "not running or stopped: {desired:?}");
        let state = json!({ state::GATEWAY_STATE: desired, state::DESIRED_STATE: desired });
        self.with_state(profile, &state)
    }

    /// Any file, by its path on the volume; of two at one path, the later. It belongs to root until the boot gives it to the
    /// gateway's user.
    pub fn with_seed(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        let target = format!("{}/{path}", files::DATA);
        self.seeds
            .push(CopyToContainer::new(CopyDataSource::Data(content.into()), target));
        self
    }
}

impl Image for GatewayImage {
    fn name(&self) -> &str {
        &self.name
    }

    fn tag(&self) -> &str {
        &self.tag
    }

    fn ready_conditions(&self) -> Vec<WaitFor> {
        let line = |profile| format!("{}profile={profile} prior_state=", boot_line::ON_STDOUT);
        let lines = self.profiles.iter().map(line);
        lines.map(WaitFor::message_on_stdout).collect()
    }

    fn env_vars(
        &self,
    ) -> impl IntoIterator<
        Item = (
            impl Into<std::borrow::Cow<'_, str>>,
            impl Into<std::borrow::Cow<'_, str>>,
        ),
    > {
        [NO_INSTALLS]
    }

    fn copy_to_sources(&self) -> impl IntoIterator<Item = &CopyToContainer> {
        &self.seeds
    }

    fn cmd(&self) -> impl IntoIterator<Item = impl Into<std::borrow::Cow<'_, str>>> {
        COMMAND
    }
}
