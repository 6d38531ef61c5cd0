//! The builders of OpenAPI 3.1 documents: schemas of types, and operations. An operation is described next to its handler,
//! in the table that the router is built from, so a route without a description does not compile.

#![expect(
    clippy::indexing_slicing,
    reason = "of JSON values: an absent member reads as null and is made when written"
)]

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// A type with an example for the documents.
pub trait Described: JsonSchema {
    /// Returns an example that fits the type's schema.
    fn example() -> Value;
}

/// Implements [`Described`] for types.
#[macro_export]
macro_rules! described {
    ($($type:ty => $example:tt;)*) => {
        $(impl $crate::openapi::operation::Described for $type {
            fn example() -> serde_json::Value {
                serde_json::json!($example)
            }
        })*
    };
}
pub use crate::described;

impl<T: Described> Described for Vec<T> {
    fn example() -> Value {
        json!([T::example()])
    }
}

/// Describes an operation.
pub type Describe = for<'a> fn(Operation<'a>) -> Operation<'a>;

/// The generators of schemas: which members may be absent differs between requests and answers.
pub struct Schemas {
    /// For requests: a member that has a default may be absent.
    pub read: SchemaGenerator,
    /// For answers: such a member is always present.
    pub written: SchemaGenerator,
}

impl Default for Schemas {
    fn default() -> Self {
        Self::new()
    }
}

impl Schemas {
    /// Returns generators without schemas.
    pub fn new() -> Self {
        let settings = || {
            let settings = SchemaSettings::draft2020_12();
            settings.with(|settings| settings.definitions_path = "/components/schemas".into())
        };
        Self { read: settings().into_generator(), written: settings().for_serialize().into_generator() }
    }

    /// Returns every schema by name.
    pub fn take(mut self) -> Map<String, Value> {
        let mut schemas = self.read.take_definitions(true);
        schemas.extend(self.written.take_definitions(true));
        schemas
    }
}

/// The builder of one operation.
#[must_use]
pub struct Operation<'a> {
    schemas: &'a mut Schemas,
    summary: &'static str,
    description: &'static str,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: Map<String, Value>,
}

impl<'a> Operation<'a> {
    /// Returns an operation without a description.
    pub fn new(schemas: &'a mut Schemas) -> Self {
        let (parameters, answers) = (Vec::new(), Map::new());
        Self { schemas, summary: "", description: "", parameters, body: None, answers }
    }

    /// Sets what it does, in a few words.
    pub fn summary(self, summary: &'static str) -> Self {
        Self { summary, ..self }
    }

    /// Sets the description.
    pub fn description(self, description: &'static str) -> Self {
        Self { description, ..self }
    }

    /// Adds the query parameters of a type.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        let schema = self.schemas.read.root_schema_for::<T>().to_value();
        let required: Vec<&str> =
            schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let members = schema["properties"].as_object().into_iter().flatten();
        for (name, member) in members {
            let mut schema = member.clone();
            let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
            // An absent parameter is absent, not `null`.
            if let Some(Value::Array(types)) = schema.get_mut("type") {
                types.retain(|kind| kind != "null");
            }
            self.parameters.push(json!({
                "name": name, "in": "query", "required": required.contains(&name.as_str()),
                "description": description, "schema": schema,
            }));
        }
        self
    }

    /// Sets the JSON body of the request.
    pub fn request<T: Described>(mut self) -> Self {
        let media = json!({ "schema": self.schemas.read.subschema_for::<T>(), "example": T::example() });
        self.body = Some(json!({ "required": true, "content": { "application/json": media } }));
        self
    }

    /// Adds a text body of the request, with its media type.
    pub fn request_text(mut self, kind: &'static str, example: &'static str) -> Self {
        let body = self.body.get_or_insert_with(|| json!({ "required": true, "content": {} }));
        body["content"][kind] = json!({ "schema": { "type": "string" }, "example": example });
        self
    }

    /// Adds a JSON response.
    pub fn response<T: Described>(mut self, status: u16, meaning: &'static str) -> Self {
        let media = json!({ "schema": self.schemas.written.subschema_for::<T>(), "example": T::example() });
        self.answer(status, json!({ "description": meaning, "content": { "application/json": media } }));
        self
    }

    /// Adds a text response, with its media type.
    pub fn response_text(
        mut self,
        status: u16,
        meaning: &'static str,
        kind: &'static str,
        example: &'static str,
    ) -> Self {
        let media = json!({ "schema": { "type": "string" }, "example": example });
        self.answer(status, json!({ "description": meaning, "content": { kind: media } }));
        self
    }

    /// Adds a second form, as text, to a response that has one.
    pub fn or_text(mut self, status: u16, kind: &'static str, example: &'static str) -> Self {
        let media = json!({ "schema": { "type": "string" }, "example": example });
        if let Some(answer) = self.answers.get_mut(&status.to_string()) {
            answer["content"][kind] = media;
        }
        self
    }

    /// Adds a response without a body.
    pub fn response_empty(mut self, status: u16, meaning: &'static str) -> Self {
        self.answer(status, json!({ "description": meaning }));
        self
    }

    /// Adds the error responses with these statuses.
    pub fn errors(mut self, failures: &[u16]) -> Self {
        for status in failures {
            self.answer(*status, json!({ "$ref": format!("#/components/responses/{status}") }));
        }
        self
    }

    fn answer(&mut self, status: u16, answer: Value) {
        self.answers.insert(status.to_string(), answer);
    }

    /// Returns the operation as JSON.
    pub fn finish(self, id: &str, tag: &str, mut parameters: Vec<Value>) -> Value {
        parameters.extend(self.parameters);
        let mut operation = json!({
            "operationId": id, "summary": self.summary, "tags": [tag],
            "parameters": parameters, "responses": self.answers,
        });
        if !self.description.is_empty() {
            operation["description"] = self.description.into();
        }
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        operation
    }
}

/// Adds an operation to a document's `paths`.
pub fn add(paths: &mut Map<String, Value>, path: &str, method: &str, operation: Value) {
    let item = paths.entry(path).or_insert_with(|| json!({}));
    item[method] = operation;
}
