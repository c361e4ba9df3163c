/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REST_ENTITY_H
#define REST_ENTITY_H
/* entity: the JSON documents of rest-api.md 3, built with jansson. Thread: any. */
#include <jansson.h>

#include "rest/rest_int.h"

void answer_json(struct exchange *x, int status, json_t *doc); /* takes doc */
json_t *entity_text(const char *s); /* JSON null for NULL; bad UTF-8 mended */
json_t *entity_map(const struct text_map *m);
json_t *entity_connector(const struct herder_view *v);
json_t *entity_status(const struct herder_view *v);
json_t *entity_task_status(const struct herder_task *t);
json_t *entity_tasks(const struct herder_view *v);
json_t *entity_infos(const struct config_infos *i);
json_t *entity_keys(const struct config_infos *i);

#endif
