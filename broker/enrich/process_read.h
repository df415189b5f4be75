// Reading process events into Facts (process_plan.c). Pure.
#pragma once

#include "enrich/instance.h"
#include "enrich/processes.h"

typedef struct ProcessTexts { // what the facts borrow
    Text *name, *command_line;
} ProcessTexts;

// texts: all NULL at first; process_texts_drop when the facts have been used. Facts.told stays 0.
void process_facts(const ProcessPlan *plan, const EventRecord *record, const Schema *schema,
                   ProcessTexts *texts, Facts *ret);
// Of an Image event: pid, name and path alone; false when it has no name.
bool process_image(const ProcessPlan *plan, const EventRecord *record, const Schema *schema,
                   ProcessTexts *texts, Facts *ret);
void process_texts_drop(ProcessTexts *texts);
uint32_t process_id(const PayloadRef *ref, const EventRecord *record); // UINT32_MAX: absent
