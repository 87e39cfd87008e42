export declare const layers: Readonly<Record<string, readonly string[]>>;
export declare const mayStartProcesses: readonly string[];
export declare const withoutNode: readonly string[];
