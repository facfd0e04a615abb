//! Serializes errors as JSON.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::value::Error;

/// Writes all parts of the error. `message` is the line for people, as `Display` formats it.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("Error", 9)?;
        object.serialize_field("kind", &self.kind())?;
        object.serialize_field("message", &self.to_string())?;
        object.serialize_field("op", self.op())?;
        object.serialize_field("peer", &self.peer())?;
        object.serialize_field("subject", self.subject())?;
        object.serialize_field("detail", self.detail())?;
        object.serialize_field("hint", self.hint())?;
        object.serialize_field("scope", &self.scope())?;
        object.serialize_field("parts", self.parts())?;
        object.end()
    }
}
