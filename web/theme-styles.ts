import { convertCssVariables, defaultCssVariablesResolver, mergeMantineTheme, DEFAULT_THEME } from '@mantine/core';
import type { Plugin } from 'vite';
import { theme, variables } from './src/shared/theme.ts';

const name = 'virtual:theme.css';

/** Writes the theme's variables into a style sheet at build time: the page then needs no style element at run time, which its policy forbids. */
export function themeStyles(): Plugin {
  return {
    name: 'theme-styles',
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load: (id) => {
      if (id !== `\0${name}`) return undefined;
      const mantine = convertCssVariables(
        defaultCssVariablesResolver(mergeMantineTheme(DEFAULT_THEME, theme)),
        ':root',
      );
      return `${mantine}\n${convertCssVariables(variables, ':root')}`;
    },
  };
}
