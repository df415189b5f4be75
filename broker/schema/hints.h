// The field-hint table: corrects what manifests leave bare (types, value maps, counts), and marks
// the fields that hold kernel addresses. Applied to the fields of a schema before it is finished.
// No state.
#pragma once

#include "event/schema.h"

// fields: schema->fields, still writable. Sets FIELD_HINTED on what it changes.
void hints_apply(Schema *schema, SchemaField *fields);
