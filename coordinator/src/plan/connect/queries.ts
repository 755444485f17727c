import type { Access } from '../connection/connection-records.ts';

/** Queries that Elasticsearch comes with, by the names that they have in the query DSL; `template` is for the queries of roles and keys only. */
const KNOWN: ReadonlySet<string> = new Set(
  `bool boosting combined_fields constant_score dis_max distance_feature exists function_score fuzzy geo_bounding_box geo_distance geo_grid geo_polygon
  geo_shape has_child has_parent ids intervals knn match match_all match_bool_prefix match_none match_phrase match_phrase_prefix more_like_this multi_match nested
  parent_id percolate pinned prefix query_string range rank_feature regexp rule script script_score semantic shape simple_query_string span_containing
  span_field_masking field_masking_span span_first span_multi span_near span_not span_or span_term span_within sparse_vector template term terms terms_set
  text_expansion weighted_tokens wildcard wrapper`.split(/\s+/),
);

const nameOf = (query: unknown): string | undefined =>
  Object.keys((typeof query === 'string' ? JSON.parse(query) : query) as object)[0];

/** Elasticsearch looks at the query of a key when it is searched with it, not when the key is made: with one that it does not know every search fails. */
export const queryWarnings = ({ search = [] }: Access): string[] =>
  search.flatMap(({ names, query }) => {
    const name = query === undefined ? undefined : nameOf(query);
    return name === undefined || KNOWN.has(name)
      ? []
      : [
          `The query for ${names.join(', ')} is called "${name}", which is none of those that Elasticsearch comes with: the key is made all the same, and every search with it fails where no plugin knows that.`,
        ];
  });
