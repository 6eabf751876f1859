/* SPDX-License-Identifier: Apache-2.0
 * learn - the decision over one sample. */
#include "learn/decision.h"

espy_decision_rule espy_decision_rule_make(double threshold, double floor)
{
    return (espy_decision_rule){.threshold = threshold,
                                .floor = floor,
                                .margin_probability = 0.05,
                                .margin_cosine = 0.03,
                                .min_side = 32};
}

double espy_decision_floor(double pack_floor, double largest_between, double most)
{
    double raised = fmin(largest_between, most);

    return fmax(pack_floor, raised);
}

/* Whether any other label comes so close to the best one that choosing would be a guess. */
static bool decision_ambiguous(const espy_decision_rule *rule, const float *p, const float *cosine,
                               size_t classes, size_t best)
{
    for (size_t c = 0; c < classes; c++)
        if (c != best && ((double)p[best] - p[c] < rule->margin_probability ||
                          (double)cosine[best] - cosine[c] < rule->margin_cosine))
            return true;
    return false;
}

espy_verdict espy_decide(const espy_decision_rule *rule, const float *p, const float *cosine,
                         size_t classes, const espy_quality *quality)
{
    size_t best = 0;

    for (size_t c = 1; c < classes; c++)
        if (p[c] > p[best])
            best = c;
    espy_verdict v = {.decision = ESPY_UNKNOWN,
                      .label = (uint32_t)best,
                      .probability = p[best],
                      .similarity = cosine ? cosine[best] : NAN};
    bool likely = p[best] >= (float)rule->threshold;

    if (rule->no_floor || !cosine) {
        v.decision = likely ? ESPY_KNOWN : ESPY_UNKNOWN;
        return v;
    }
    if (quality && (quality->side < rule->min_side || quality->score < rule->min_score ||
                    quality->sharpness < rule->min_sharpness))
        v.decision = ESPY_POOR_QUALITY;
    else if (likely && cosine[best] >= (float)rule->floor)
        v.decision =
            decision_ambiguous(rule, p, cosine, classes, best) ? ESPY_AMBIGUOUS : ESPY_KNOWN;
    return v;
}
