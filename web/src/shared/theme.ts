import { type MantineColorsTuple, type ConvertCSSVariablesInput, createTheme, rem } from '@mantine/core';

const gray: MantineColorsTuple = [
  '#f7f7f8',
  '#f0f0f2',
  '#e5e5e8',
  '#d6d6db',
  '#c3c3ca',
  '#9c9ca5',
  '#63636d',
  '#4a4a53',
  '#34343b',
  '#1b1b1f',
];

const dark: MantineColorsTuple = [
  '#e4e4e8',
  '#c6c6cd',
  '#a2a2ac',
  '#777782',
  '#3d3d45',
  '#2d2d33',
  '#1d1d21',
  '#131316',
  '#0e0e10',
  '#09090a',
];

/** The hues of the six perspectives in degrees of OKLCH; lightness and chroma are the same for all. */
const agentHues = { blue: 245, violet: 300, green: 145, orange: 55, pink: 0, cyan: 205 } as const;
export type AgentColor = keyof typeof agentHues;

const agentChroma = { blue: 0.15, violet: 0.15, green: 0.13, orange: 0.13, pink: 0.15, cyan: 0.1 } as const;

/** Writes one perspective colour for a theme: dark ink on light ground or light ink on dark ground. */
export const agentInk = (color: AgentColor, scheme: 'light' | 'dark'): string =>
  scheme === 'light'
    ? `oklch(0.49 ${agentChroma[color]} ${agentHues[color]})`
    : `oklch(0.8 ${(agentChroma[color] * 0.75).toFixed(3)} ${agentHues[color]})`;

/** The grounds that text stands on; the contrast test measures every ink against them. */
export const grounds = {
  light: { body: '#f7f7f8', surface: '#ffffff', sunken: '#f0f0f2' },
  dark: { body: '#131316', surface: '#1a1a1e', sunken: '#222227' },
} as const;

/** Ink of text and of the run states. */
export const inks = {
  light: {
    text: '#1b1b1f',
    dim: '#5f5f69',
    accent: '#3b5bdb',
    waiting: '#8a5300',
    done: '#067a57',
    failed: '#c92a2a',
    off: '#5f5f69',
  },
  dark: {
    text: '#e4e4e8',
    dim: '#a2a2ac',
    accent: '#91a7ff',
    waiting: '#ffc457',
    done: '#4fd1a8',
    failed: '#ff8f8f',
    off: '#a2a2ac',
  },
} as const;

const border = { light: '#e0e0e4', dark: '#2d2d33' } as const;
const edge = { light: '#8b8b95', dark: '#6d6d78' } as const;

const schemeVariables = (scheme: 'light' | 'dark') => ({
  ...Object.fromEntries(Object.entries(grounds[scheme]).map(([name, value]) => [`--ground-${name}`, value])),
  ...Object.fromEntries(Object.entries(inks[scheme]).map(([name, value]) => [`--ink-${name}`, value])),
  ...Object.fromEntries(
    Object.keys(agentHues).map((color) => [`--agent-${color}`, agentInk(color as AgentColor, scheme)]),
  ),
  '--border': border[scheme],
  '--edge': edge[scheme],
  '--mantine-color-body': grounds[scheme].body,
  '--mantine-color-text': inks[scheme].text,
  '--mantine-color-dimmed': inks[scheme].dim,
  '--mantine-color-anchor': inks[scheme].accent,
  '--mantine-color-error': inks[scheme].failed,
  '--mantine-color-placeholder': scheme === 'light' ? '#74747e' : '#86868f',
  '--mantine-color-default': grounds[scheme].surface,
  '--mantine-color-default-hover': grounds[scheme].sunken,
  '--mantine-color-default-border': scheme === 'light' ? gray[3] : dark[4],
});

/** Our variables, both themes; written into the style sheet at build time. */
export const variables: ConvertCSSVariablesInput = {
  variables: {},
  light: schemeVariables('light'),
  dark: schemeVariables('dark'),
};

const sizes = { xs: rem(12), sm: rem(13), md: rem(14), lg: rem(16), xl: rem(20) };

/** The look of every page: neutral greys, one accent, 14 px body, steps of 4, corners of 6. */
export const theme = createTheme({
  primaryColor: 'indigo',
  primaryShade: { light: 7, dark: 6 },
  colors: { gray, dark },
  black: '#1b1b1f',
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "'JetBrains Mono Variable', ui-monospace, monospace",
  fontSizes: sizes,
  lineHeights: { xs: '1.35', sm: '1.45', md: '1.55', lg: '1.5', xl: '1.4' },
  radius: { xs: rem(3), sm: rem(6), md: rem(6), lg: rem(6), xl: rem(6) },
  defaultRadius: 'sm',
  spacing: { xs: rem(4), sm: rem(8), md: rem(12), lg: rem(16), xl: rem(24) },
  headings: {
    fontFamily: "'Inter Variable', system-ui, sans-serif",
    fontWeight: '600',
    sizes: {
      h1: { fontSize: rem(20), lineHeight: '1.35' },
      h2: { fontSize: rem(16), lineHeight: '1.4' },
      h3: { fontSize: rem(14), lineHeight: '1.45' },
    },
  },
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Tooltip: { defaultProps: { openDelay: 250, transitionProps: { duration: 100 }, multiline: true, maw: 320 } },
    HoverCard: { defaultProps: { openDelay: 150, transitionProps: { duration: 100 }, width: 340, shadow: 'none' } },
    Menu: { defaultProps: { transitionProps: { duration: 100 }, shadow: 'none' } },
  },
});
