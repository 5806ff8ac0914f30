/* Colours as style sheets write them, and the contrast between two (WCAG 2.2, relative luminance and contrast
 * ratio). Pure. */
#ifndef FMT_COLOUR_H
#define FMT_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

struct colour {
	uint8_t r, g, b;
};

/* "#0a5" or "#00aa55", in any case; nothing else. */
bool colour_parse(const char *text, struct colour *out);

/* 1 (none) to 21 (black on white). Text wants 4.5 (WCAG 1.4.3), the edge of a button 3 (1.4.11). */
double colour_contrast(struct colour a, struct colour b);

/* Black or white, whichever is read better on `ground`: one of them always reaches 4.5. */
struct colour colour_text_on(struct colour ground);

#endif
