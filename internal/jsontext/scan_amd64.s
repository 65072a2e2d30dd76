//go:build !purego

#include "textflag.h"

// Sixteen bytes are looked at together, with SSE2, which every amd64 has. scan_amd64.go says what the functions do, and why they are here.

// A byte ends plain text if it is less than 0x20 as a signed number, as control characters and all that is not ASCII are, or a quote, or a backslash.

DATA spaces<>+0(SB)/8, $0x2020202020202020
DATA spaces<>+8(SB)/8, $0x2020202020202020
GLOBL spaces<>(SB), RODATA|NOPTR, $16
DATA quotes<>+0(SB)/8, $0x2222222222222222
DATA quotes<>+8(SB)/8, $0x2222222222222222
GLOBL quotes<>(SB), RODATA|NOPTR, $16
DATA backslashes<>+0(SB)/8, $0x5c5c5c5c5c5c5c5c
DATA backslashes<>+8(SB)/8, $0x5c5c5c5c5c5c5c5c
GLOBL backslashes<>(SB), RODATA|NOPTR, $16
DATA openers<>+0(SB)/8, $0x7b7b7b7b7b7b7b7b
DATA openers<>+8(SB)/8, $0x7b7b7b7b7b7b7b7b
GLOBL openers<>(SB), RODATA|NOPTR, $16
DATA closers<>+0(SB)/8, $0x7d7d7d7d7d7d7d7d
DATA closers<>+8(SB)/8, $0x7d7d7d7d7d7d7d7d
GLOBL closers<>(SB), RODATA|NOPTR, $16

#define CONSTANTS \
	MOVOU spaces<>(SB), X13; \
	MOVOU quotes<>(SB), X14; \
	MOVOU backslashes<>(SB), X15

// MARKS sets bit i of AX if byte i of X0 ends plain text. It spoils X1 to X3.
#define MARKS \
	MOVO X13, X1; \
	PCMPGTB X0, X1; \
	MOVO X14, X2; \
	PCMPEQB X0, X2; \
	MOVO X15, X3; \
	PCMPEQB X0, X3; \
	POR X2, X1; \
	POR X3, X1; \
	PMOVMSKB X1, AX

// func copyPlain(dst []byte, s string) int
TEXT ·copyPlain(SB), NOSPLIT|NOFRAME, $0-48
	MOVQ dst_base+0(FP), DI
	ADDQ dst_len+8(FP), DI
	MOVQ s_base+24(FP), SI
	MOVQ s_len+32(FP), CX
	XORL R8, R8 // index
	CMPQ CX, $16
	JLT  short
	LEAQ -16(CX), R9 // where the last block begins
	CONSTANTS

block:
	MOVOU (SI)(R8*1), X0
	MOVOU X0, (DI)(R8*1)
	MARKS
	TESTL AX, AX
	JNE   found
	ADDQ  $16, R8
	CMPQ  R8, R9
	JLE   block
	CMPQ  R8, CX
	JEQ   end
	MOVQ  R9, R8 // the last block overlaps the one before
	JMP   block

end:
	MOVB $0x22, (DI)(CX*1)
	MOVQ CX, ret+40(FP)
	RET

found:
	BSFL AX, AX
	ADDQ AX, R8
	MOVQ R8, ret+40(FP)
	RET

short:
	CMPQ CX, $8
	JLT  tiny
	CONSTANTS

	// The first eight bytes and the last eight, which overlap, make one block.
	LEAQ       -8(CX), R9
	MOVQ       (SI), X0
	MOVQ       (SI)(R9*1), X1
	MOVQ       X0, (DI)
	MOVQ       X1, (DI)(R9*1)
	PUNPCKLQDQ X1, X0
	MARKS
	TESTL      AX, AX
	JEQ        end
	BSFL       AX, AX
	CMPL       AX, $8
	JLT        low
	LEAQ       -8(R9)(AX*1), AX

low:
	MOVQ AX, ret+40(FP)
	RET

	// Less than eight bytes are not worth the trouble.
tiny:
	XORL AX, AX
	JMP  next

one:
	MOVBLZX (SI)(AX*1), DX
	MOVB    DX, (DI)(AX*1)
	CMPL    DX, $0x7f
	JHI     low
	CMPL    DX, $0x20
	JLT     low
	CMPL    DX, $0x22
	JEQ     low
	CMPL    DX, $0x5c
	JEQ     low
	INCQ    AX

next:
	CMPQ AX, CX
	JLT  one
	JMP  end

// func plainLen(s string) int
TEXT ·plainLen(SB), NOSPLIT|NOFRAME, $0-24
	MOVQ s_base+0(FP), SI
	MOVQ s_len+8(FP), CX
	XORL R8, R8
	LEAQ -16(CX), R9
	CONSTANTS
	JMP  more

look:
	MOVOU (SI)(R8*1), X0
	MARKS
	TESTL AX, AX
	JNE   mark
	ADDQ  $16, R8

more:
	CMPQ R8, R9
	JLE  look
	XORL AX, AX

mark:
	BSFL AX, AX // leaves AX if nothing is found
	ADDQ AX, R8
	MOVQ R8, ret+16(FP)
	RET

// SIXTEEN shifts the four masks DX, R10, R11 and R12 right by 16 bits and puts those of the bytes at off in front. A bracket and the brace of its
// direction differ in one bit, 0x20.
#define SIXTEEN(off) \
	MOVOU    off(SI), X0; \
	MOVO     X0, X1; \
	PCMPEQB  X14, X1; \
	PMOVMSKB X1, AX; \
	SHLQ     $48, AX; \
	SHRQ     $16, DX; \
	ORQ      AX, DX; \
	MOVO     X0, X1; \
	PCMPEQB  X15, X1; \
	PMOVMSKB X1, AX; \
	SHLQ     $48, AX; \
	SHRQ     $16, R10; \
	ORQ      AX, R10; \
	POR      X13, X0; \
	MOVO     X0, X1; \
	PCMPEQB  X11, X1; \
	PMOVMSKB X1, AX; \
	SHLQ     $48, AX; \
	SHRQ     $16, R11; \
	ORQ      AX, R11; \
	PCMPEQB  X12, X0; \
	PMOVMSKB X0, AX; \
	SHLQ     $48, AX; \
	SHRQ     $16, R12; \
	ORQ      AX, R12

// func markBlocks(dst []marks, s string)
TEXT ·markBlocks(SB), NOSPLIT|NOFRAME, $0-40
	MOVQ  dst_base+0(FP), DI
	MOVQ  dst_len+8(FP), CX
	MOVQ  s_base+24(FP), SI
	MOVOU openers<>(SB), X11
	MOVOU closers<>(SB), X12
	CONSTANTS
	TESTQ CX, CX
	JEQ   done

marks:
	SIXTEEN(0)
	SIXTEEN(16)
	SIXTEEN(32)
	SIXTEEN(48)
	MOVQ DX, 0(DI)
	MOVQ R10, 8(DI)
	MOVQ R11, 16(DI)
	MOVQ R12, 24(DI)
	ADDQ $64, SI
	ADDQ $32, DI
	DECQ CX
	JNE  marks

done:
	RET
