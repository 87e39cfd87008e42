import { describe, expect, test } from 'vitest';
import { type AgentColor, agentInk, grounds, inks } from './theme.ts';

type Rgb = readonly [number, number, number];

/** OKLCH to linear sRGB, after Björn Ottosson's definition. */
function fromOklch(text: string): Rgb {
  const [lightness = 0, chroma = 0, hue = 0] = (text.match(/[\d.]+/g) ?? []).map(Number);
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const clip = (value: number) => Math.min(1, Math.max(0, value));
  return [
    clip(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    clip(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    clip(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

function fromHex(text: string): Rgb {
  const channel = (at: number) => {
    const value = Number.parseInt(text.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b;

function contrast(one: Rgb, other: Rgb): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const colors: readonly AgentColor[] = ['blue', 'violet', 'green', 'orange', 'pink', 'cyan'];

describe('theme', () => {
  for (const scheme of ['light', 'dark'] as const) {
    for (const [ground, value] of Object.entries(grounds[scheme])) {
      test(`perspective colours reach 4.5:1 on ${scheme} ${ground}`, () => {
        for (const color of colors)
          expect(contrast(fromOklch(agentInk(color, scheme)), fromHex(value)), color).toBeGreaterThanOrEqual(4.5);
      });

      test(`text and state colours reach 4.5:1 on ${scheme} ${ground}`, () => {
        for (const [name, ink] of Object.entries(inks[scheme]))
          expect(contrast(fromHex(ink), fromHex(value)), name).toBeGreaterThanOrEqual(4.5);
      });
    }
  }
});
