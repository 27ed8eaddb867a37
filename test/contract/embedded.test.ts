import { contract } from './contract.ts';
import { embedded } from './implementation.ts';

contract('embedded', embedded);
