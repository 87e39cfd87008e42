import {
  type ChatHistoryItem,
  ChatWrapper,
  type ChatWrapperGenerateContextStateOptions,
  type ChatWrapperGeneratedContextState,
  LlamaText,
  SpecialToken,
  SpecialTokensText,
} from 'node-llama-cpp';

const textOf = (item: ChatHistoryItem): string => (item.type === 'user' ? item.text : '');

/** Passes a prompt to the model as it is, special tokens included, for callers that wrote the template themselves. */
export class RawPromptWrapper extends ChatWrapper {
  override readonly wrapperName = 'Raw';

  override generateContextState(options: ChatWrapperGenerateContextStateOptions): ChatWrapperGeneratedContextState {
    return {
      contextText: LlamaText(new SpecialToken('BOS'), new SpecialTokensText(options.chatHistory.map(textOf).join(''))),
      stopGenerationTriggers: [LlamaText(new SpecialToken('EOS')), LlamaText(new SpecialToken('EOT'))],
    };
  }
}
