package hipchat

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/color/palette"
	"image/draw"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
)

// disc draws a filled circle with a soft edge.
func disc(m *image.RGBA, x, y, r float64, c color.RGBA) {
	b := m.Bounds()
	for py := max(b.Min.Y, int(y-r-1)); py < min(b.Max.Y, int(y+r+2)); py++ {
		for px := max(b.Min.X, int(x-r-1)); px < min(b.Max.X, int(x+r+2)); px++ {
			cover := r - math.Hypot(float64(px)+0.5-x, float64(py)+0.5-y) + 0.5
			if cover <= 0 {
				continue
			}
			mixPixel(m, px, py, c, min(cover, 1)*float64(c.A)/255)
		}
	}
}

func mixPixel(m *image.RGBA, x, y int, c color.RGBA, part float64) {
	old := m.RGBAAt(x, y)
	f := func(a, b uint8) uint8 { return uint8(float64(a)*(1-part) + float64(b)*part) }
	m.SetRGBA(x, y, color.RGBA{f(old.R, c.R), f(old.G, c.G), f(old.B, c.B), uint8(max(float64(old.A), 255*part))})
}

// hue makes a friendly colour.
func hue(h, light float64) color.RGBA {
	f := func(n float64) uint8 {
		k := math.Mod(n+h*12, 12)
		a := 0.55 * min(light, 1-light)
		return uint8(255 * (light - a*max(-1, min(k-3, 9-k, 1))))
	}
	return color.RGBA{f(0), f(8), f(4), 255}
}

func gradient(w, h int, from, to color.RGBA) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		t := float64(y) / float64(h)
		f := func(a, b uint8) uint8 { return uint8(float64(a)*(1-t) + float64(b)*t) }
		c := color.RGBA{f(from.R, to.R), f(from.G, to.G), f(from.B, to.B), 255}
		draw.Draw(m, image.Rect(0, y, w, y+1), image.NewUniform(c), image.Point{}, draw.Src)
	}
	return m
}

// portrait draws someone before a coloured wall.
func portrait(n int) image.Image {
	d := dice(mix(uint64(n), 4))
	h := float64(d.under(360)) / 360
	m := gradient(96, 96, hue(h, 0.75), hue(h+0.08, 0.55))
	skin := []color.RGBA{{244, 208, 177, 255}, {224, 172, 120, 255}, {160, 110, 72, 255}, {96, 64, 44, 255}}[d.under(4)]
	hair := []color.RGBA{{40, 28, 22, 255}, {110, 72, 38, 255}, {214, 170, 92, 255}, {150, 150, 155, 255}, {150, 60, 36, 255}}[d.under(5)]
	disc(m, 48, 108, 36, hue(h+0.5, 0.45)) // shoulders
	disc(m, 48, 40, 24, hair)
	disc(m, 48, 47, 20, skin)
	disc(m, 40, 45, 2.2, color.RGBA{30, 30, 36, 255})
	disc(m, 56, 45, 2.2, color.RGBA{30, 30, 36, 255})
	for x := -6; x <= 6; x++ {
		disc(m, 48+float64(x), 56+2-float64(x*x)/18, 1.1, color.RGBA{150, 60, 60, 255})
	}
	if d.under(3) == 0 { // a fringe
		disc(m, 40, 30, 10, hair)
		disc(m, 54, 29, 11, hair)
	}
	return m
}

// landscape draws hills under a sun.
func landscape(n, w, h int) image.Image {
	d := dice(mix(uint64(n), 5))
	base := float64(d.under(360)) / 360
	m := gradient(w, h, hue(base, 0.85), hue(base+0.12, 0.7))
	fw, fh := float64(w), float64(h)
	disc(m, fw*(0.2+0.6*float64(d.under(100))/100), fh*0.3, fh*0.12, color.RGBA{255, 244, 200, 255})
	for layer := range 4 {
		c := hue(base+0.3+0.03*float64(layer), 0.55-0.1*float64(layer))
		phase := float64(d.under(628)) / 100
		for x := range w {
			top := fh * (0.45 + 0.13*float64(layer) + 0.07*math.Sin(phase+float64(x)/fw*(5+2*float64(layer))))
			draw.Draw(m, image.Rect(x, int(top), x+1, h), image.NewUniform(c), image.Point{}, draw.Src)
		}
	}
	return m
}

// face draws an emoticon on a clear ground.
func face(n int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	disc(m, 32, 32, 29, hue(float64(n)*0.13+0.12, 0.62))
	dark := color.RGBA{40, 34, 40, 255}
	disc(m, 23, 26, 4, dark)
	if n%3 == 1 {
		for x := 36; x < 46; x++ {
			disc(m, float64(x), 26, 1.6, dark) // a wink
		}
	} else {
		disc(m, 41, 26, 4, dark)
	}
	curve := []float64{1, 0.2, -0.8}[n%3]
	for x := -12; x <= 12; x++ {
		disc(m, 32+float64(x), 44+curve*(4-float64(x*x)/18), 1.8, dark)
	}
	return m
}

func asPNG(m image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		panic(err) // a buffer takes everything
	}
	return b.Bytes()
}

func asJPEG(m image.Image) []byte {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: 82}); err != nil {
		panic(err) // likewise
	}
	return b.Bytes()
}

// asGIF makes a picture that blinks.
func asGIF(frames ...image.Image) []byte {
	g := gif.GIF{}
	for _, f := range frames {
		p := image.NewPaletted(f.Bounds(), palette.Plan9)
		draw.Draw(p, p.Bounds(), f, image.Point{}, draw.Src)
		g.Image = append(g.Image, p)
		g.Delay = append(g.Delay, 60)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &g); err != nil {
		panic(err) // likewise
	}
	return b.Bytes()
}

// asPDF makes a page with one line on it.
func asPDF(line string) []byte {
	var b bytes.Buffer
	var at []int
	object := func(s string) {
		at = append(at, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", len(at), s)
	}
	text := "BT /F1 24 Tf 72 700 Td (" + line + ") Tj ET"
	b.WriteString("%PDF-1.4\n")
	object("<</Type/Catalog/Pages 2 0 R>>")
	object("<</Type/Pages/Kids[3 0 R]/Count 1>>")
	object("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>")
	object(fmt.Sprintf("<</Length %d>>\nstream\n%s\nendstream", len(text), text))
	object("<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>")
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(at)+1)
	for _, n := range at {
		fmt.Fprintf(&b, "%010d 00000 n \n", n)
	}
	fmt.Fprintf(&b, "trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n", len(at)+1, start)
	return b.Bytes()
}
