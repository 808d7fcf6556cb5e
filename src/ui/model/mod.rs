//! What the window shows, without a widget in it.
//!
//! [`Desk`] is the operator's place of work: it owns the station, the list of
//! [`FeedObject`]s and the settings file. Widgets bind to properties of both and
//! ask the desk for every change, so each rule about feeds stands in one place.

mod charted;
mod chosen;
mod connection;
mod desk;
mod draft;
mod elsewhere;
mod feed;
mod figure;
mod sharing;
mod viewer;
mod words;

pub use chosen::{Chosen, Facts};
pub use connection::{ConnectionWords, WayWords};
pub use desk::{Desk, Removed, RemovedConnector, RemovedWatch};
pub use draft::{
    Draft, Entered, EnteredCamera, EnteredPicture, EnteredProperties, EnteredTest, Field, Problem, SourceKind,
};
pub use elsewhere::{
    DescribedConnector, DescribedWatch, EnteredConnector, EnteredMedia, EnteredWatch, EnteredWays, Misfit, PlaceWords,
    feed_at_words,
};
pub use feed::FeedObject;
pub use figure::Figure;
pub use sharing::share_words;
pub use viewer::{ViewerObject, ViewerWords, name_of};
pub use words::{Health, Words};
